package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.compare.Median;
import dev.lnrnn.bench.jmh.ArraysBenchmark;
import dev.lnrnn.bench.jmh.CallBenchmark;
import dev.lnrnn.bench.jmh.CallFromCBenchmark;
import dev.lnrnn.bench.jmh.Home;
import dev.lnrnn.bench.jmh.LongsBenchmark;
import dev.lnrnn.bench.jmh.PointersBenchmark;
import dev.lnrnn.bench.jmh.Probe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What calls cost, in nanoseconds: bare ones by number and kind of arguments, through FFM and JNI, by JMH; and the
 * passes on a batch of no rows, from Java, from C, and the difference, which is what Java adds, by {@link Turns}.
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
        tasks.add(pass("bound step of no rows", java -> {
            for (int i = 0; i < Turns.CALLS; i++) {
                java.emptyBoundStep();
            }
        }, CallFromCBenchmark::emptyStep, STEP_TARGET));
        tasks.add(pass("step of no rows", java -> {
            for (int i = 0; i < Turns.CALLS; i++) {
                java.emptyStep();
            }
        }, CallFromCBenchmark::emptyStep, STEP_TARGET));
        tasks.add(pass("inference pass of no rows", java -> {
            for (int i = 0; i < Turns.CALLS; i++) {
                java.emptyInference();
            }
        }, CallFromCBenchmark::emptyInference, PASS_TARGET));
        tasks.add(pass("training forward of no rows", java -> {
            for (int i = 0; i < Turns.CALLS; i++) {
                java.emptyTrainingForward();
            }
        }, CallFromCBenchmark::emptyTrainingForward, PASS_TARGET));
        return tasks;
    }

    private Task bare(String what, Class<?> benchmark, String method) {
        return new Task(what, () -> List.of(row(what, jmh.nanoseconds(effort.forks(), benchmark, method))));
    }

    private Task pointers(String what, int count, Home home) {
        return new Task(what, () -> List.of(row(what,
                jmh.nanoseconds(effort.forks(), PointersBenchmark.class, "ffm" + count, "home", home.name()))));
    }

    /** {@link Turns#CALLS} calls of a benchmark, ready to run. */
    @FunctionalInterface
    private interface Calls<B> {
        void of(B benchmark) throws Throwable;
    }

    /** In this JVM: two would not find the machine in the same mood. */
    private Task pass(String what, Calls<CallBenchmark> fromJava, Calls<CallFromCBenchmark> fromC, double target) {
        return new Task(what, () -> {
            CallBenchmark java = new CallBenchmark();
            java.open();
            try {
                if (probe == null) {
                    return rows(what, target, List.of(() -> fromJava.of(java)));
                }
                System.setProperty(Probe.PROPERTY, probe.toString());
                CallFromCBenchmark c = new CallFromCBenchmark();
                c.open();
                try {
                    return rows(what, target, List.of(() -> fromJava.of(java), () -> fromC.of(c)));
                } finally {
                    c.close();
                }
            } catch (Throwable e) {
                throw new IllegalStateException(what + " failed", e);
            } finally {
                java.close();
            }
        });
    }

    private List<Row> rows(String what, double target, List<Turns.Batch> javaAndC) throws Throwable {
        List<Turns> rounds = new ArrayList<>();
        for (int round = 0; round < effort.rounds(); round++) {
            rounds.add(Turns.measure(effort.seconds(), javaAndC));
        }
        List<Row> rows = new ArrayList<>();
        rows.add(row(what + ", from Java", rounds.stream().mapToDouble(round -> round.median(0)).toArray()));
        if (javaAndC.size() > 1) {
            rows.add(row(what + ", from C", rounds.stream().mapToDouble(round -> round.median(1)).toArray()));
            rows.add(row(what + ", Java over C",
                    rounds.stream().mapToDouble(round -> round.difference(0, 1)).toArray()).withTarget(target));
        }
        return rows;
    }

    private static Row row(String what, double[] nanoseconds) {
        Row row = Row.of(Part.CALLS, what, "ns", Median.of(nanoseconds).value());
        return nanoseconds.length > 1 ? row.withSpread(nanoseconds) : row;
    }
}
