package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.jmh.Probe;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs single benchmarks of JMH's, in JVMs of their own, without its output. */
final class JmhRun {

    /** The first that knows the option against it. */
    private static final int JAVA_THAT_WARNS = 23;

    private final Effort effort;
    private final @Nullable Path probe;

    JmhRun(Effort effort, @Nullable Path probe) {
        this.effort = effort;
        this.probe = probe;
    }

    /**
     * The average times of a call in each iteration of each fork.
     *
     * @param forks JVMs to run in, one after the other; 0 for this one
     * @param parameter name and value; none for the benchmark's own
     * @throws IOException if it cannot be run
     */
    double[] nanoseconds(int forks, Class<?> benchmark, String method, String... parameter) throws IOException {
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include("^" + Pattern.quote(benchmark.getName() + "." + method) + "$")
                .forks(forks).warmupIterations(1).warmupTime(time(effort.warmUpSeconds()))
                .measurementIterations(effort.iterations()).measurementTime(time(effort.iterationSeconds()))
                .timeUnit(TimeUnit.NANOSECONDS).verbosity(VerboseMode.SILENT).shouldFailOnError(true)
                .jvmArgsAppend(jvmArguments());
        if (parameter.length > 0) {
            options.param(parameter[0], parameter[1]);
        }
        try {
            Collection<RunResult> results = new Runner(options.build()).run();
            return results.stream().flatMap(result -> result.getBenchmarkResults().stream())
                    .flatMap(fork -> fork.getIterationResults().stream())
                    .mapToDouble(iteration -> iteration.getPrimaryResult().getScore()).toArray();
        } catch (RunnerException e) {
            // For instance that another JMH is running.
            throw new IOException(benchmark.getSimpleName() + "." + method + ": " + e.getMessage(), e);
        }
    }

    private static TimeValue time(double seconds) {
        return TimeValue.milliseconds((long) (1e3 * seconds));
    }

    private String[] jvmArguments() {
        List<String> arguments = new ArrayList<>();
        arguments.add("--enable-native-access=ALL-UNNAMED");
        if (Runtime.version().feature() >= JAVA_THAT_WARNS) {
            // JMH uses sun.misc.Unsafe, and every fork would say so.
            arguments.add("--sun-misc-unsafe-memory-access=allow");
        }
        if (probe != null) {
            arguments.add("-D" + Probe.PROPERTY + "=" + probe);
        }
        return arguments.toArray(String[]::new);
    }
}
