package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.compare.Median;
import dev.lnrnn.bench.jmh.ArraysBenchmark;
import dev.lnrnn.bench.jmh.CallBenchmark;
import dev.lnrnn.bench.jmh.CallFromCBenchmark;
import dev.lnrnn.bench.jmh.Home;
import dev.lnrnn.bench.jmh.LongsBenchmark;
import dev.lnrnn.bench.jmh.PointersBenchmark;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What calls cost, in nanoseconds by JMH: bare ones by number and kind of arguments, through FFM and JNI; and the
 * passes on a batch of no rows, from Java, from C, and the difference, which is what Java adds.
 */
final class CallOverhead {

    private static final double STEP_TARGET = 15;
    private static final double PASS_TARGET = 40;

    private final Effort effort;
    private final @Nullable Path probe;
    private final JmhRun jmh;

    /** @param probe the compiled C source; null where there is none, and then there is nothing to compare with */
    CallOverhead(Effort effort, @Nullable Path probe) {
        this.effort = effort;
        this.probe = probe;
        this.jmh = new JmhRun(effort, probe);
    }

    List<Task> tasks() {
        List<Task> tasks = new ArrayList<>();
        if (probe != null) {
            for (int count : effort.everyCount() ? new int[] {0, 4, 8, 16} : new int[] {0, 16}) {
                tasks.add(bare("FFM, " + count + " numbers", LongsBenchmark.class, "ffm" + count));
                tasks.add(bare("FFM critical, " + count + " numbers", LongsBenchmark.class, "critical" + count));
                tasks.add(bare("JNI, " + count + " numbers", LongsBenchmark.class, "jni" + count));
            }
            for (int count : effort.everyCount() ? new int[] {4, 8, 16} : new int[] {16}) {
                String segments = "FFM, " + count + " segments of ";
                tasks.add(pointers(segments + "the global arena", count, Home.GLOBAL));
                tasks.add(pointers(segments + "one automatic arena", count, Home.AUTO));
                tasks.add(pointers(segments + "one confined arena", count, Home.CONFINED));
                tasks.add(pointers(segments + "one shared arena", count, Home.SHARED));
                tasks.add(pointers(segments + count + " shared arenas", count, Home.SHARED_EACH));
            }
            for (int count : effort.everyCount() ? new int[] {4, 16} : new int[] {16}) {
                tasks.add(bare("FFM critical, " + count + " arrays of the heap", ArraysBenchmark.class, "ffm" + count));
                tasks.add(bare("JNI, " + count + " pinned arrays", ArraysBenchmark.class, "jni" + count));
            }
        }
        tasks.add(pass("step of no rows", "emptyStep", Home.SHARED, STEP_TARGET));
        tasks.add(pass("step of no rows, automatic arena", "emptyStep", Home.AUTO, STEP_TARGET));
        tasks.add(pass("inference pass of no rows", "emptyInference", Home.SHARED, PASS_TARGET));
        tasks.add(pass("training forward of no rows", "emptyTrainingForward", Home.SHARED, PASS_TARGET));
        return tasks;
    }

    private Task bare(String what, Class<?> benchmark, String method) {
        return new Task(what, () -> List.of(row(what, jmh.nanoseconds(effort.forks(), benchmark, method))));
    }

    private Task pointers(String what, int count, Home home) {
        return new Task(what, () -> List.of(row(what,
                jmh.nanoseconds(effort.forks(), PointersBenchmark.class, "ffm" + count, "home", home.name()))));
    }

    private Task pass(String what, String method, Home home, double target) {
        return new Task(what, () -> {
            List<Row> rows = new ArrayList<>();
            List<double[]> java = new ArrayList<>();
            List<double[]> c = new ArrayList<>();
            List<double[]> added = new ArrayList<>();
            int forks = Math.min(1, effort.forks());
            // In turns, for a difference that is smaller than what a machine drifts in the meantime.
            for (int round = 0; round < effort.rounds(); round++) {
                java.add(jmh.nanoseconds(forks, CallBenchmark.class, method, "home", home.name()));
                if (probe != null) {
                    c.add(jmh.nanoseconds(forks, CallFromCBenchmark.class, method));
                    added.add(new double[] {median(java.getLast()) - median(c.getLast())});
                }
            }
            rows.add(row(what + ", from Java", joined(java)));
            if (probe != null) {
                rows.add(row(what + ", from C", joined(c)));
                rows.add(row(what + ", Java over C", joined(added)).withTarget(target));
            }
            return rows;
        });
    }

    private static double[] joined(List<double[]> rounds) {
        return rounds.stream().flatMapToDouble(Arrays::stream).toArray();
    }

    private static double median(double[] nanoseconds) {
        return Median.of(nanoseconds).value();
    }

    private static Row row(String what, double[] nanoseconds) {
        Row row = Row.of(Part.CALLS, what, "ns", median(nanoseconds));
        return nanoseconds.length > 1 ? row.withSpread(nanoseconds) : row;
    }
}
