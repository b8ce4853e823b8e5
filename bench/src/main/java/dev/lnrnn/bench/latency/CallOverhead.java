package dev.lnrnn.bench.latency;

import dev.lnrnn.bench.compare.Median;
import dev.lnrnn.bench.jmh.ArraysBenchmark;
import dev.lnrnn.bench.jmh.CallFromCBenchmark;
import dev.lnrnn.bench.jmh.Home;
import dev.lnrnn.bench.jmh.LongsBenchmark;
import dev.lnrnn.bench.jmh.PointersBenchmark;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * What calls cost, in nanoseconds: bare ones by number and kind of arguments, through FFM and JNI, by JMH; and the
 * passes on a batch of no rows, from Java, from C, and the difference, which is what Java adds, by {@link Turns}. That is
 * compared with the least that such a call can add: an empty function with a pointer to a plan, a stream and a struct.
 */
final class CallOverhead {

    /** Of a bound pass, beyond an empty function with as many pointers. */
    private static final double PASS_TARGET = 3;
    /** Of each arena beyond the first. */
    private static final double ARENA_TARGET = 9;

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
        for (EmptyPass pass : EmptyPass.values()) {
            tasks.add(new Task(pass.what, () -> ofPass(pass)));
        }
        return tasks;
    }

    private Task bare(String what, Class<?> benchmark, String method) {
        return new Task(what, () -> List.of(row(what, jmh.nanoseconds(effort.forks(), benchmark, method))));
    }

    private Task pointers(String what, int count, Home home) {
        return new Task(what, () -> List.of(row(what,
                jmh.nanoseconds(effort.forks(), PointersBenchmark.class, "ffm" + count, "home", home.name()))));
    }

    /** In this JVM: two would not find the machine in the same mood. */
    private List<Row> ofPass(EmptyPass pass) {
        try {
            // The arenas last: what is compiled for them all is compiled for one arena, too.
            List<Row> rows = new ArrayList<>(ofOneArena(pass));
            rows.add(row(pass.what + ", from Java, each arena beyond one",
                    rounds(placed -> List.of(() -> pass.fromJava.of(placed.one), () -> pass.fromJava.of(placed.each))),
                    round -> round.difference(1, 0) / pass.furtherArenas).withTarget(ARENA_TARGET));
            return rows;
        } catch (Throwable e) {
            throw new IllegalStateException(pass.what + " failed", e);
        }
    }

    /** From Java; and, where there is a probe, from C and an empty function with 3 pointers from Java. */
    private List<Row> ofOneArena(EmptyPass pass) throws Throwable {
        List<Turns> rounds = rounds(placed -> {
            List<Turns.Batch> kinds = new ArrayList<>(List.of(() -> pass.fromJava.of(placed.one)));
            CallFromCBenchmark c = placed.c;
            PointersBenchmark empty = placed.empty;
            if (c != null && empty != null) {
                kinds.add(() -> pass.fromC.of(c));
                kinds.add(() -> EmptyPass.pointers(empty));
            }
            return kinds;
        });
        List<Row> rows = new ArrayList<>();
        rows.add(row(pass.what + ", from Java", rounds, round -> round.median(0)));
        if (probe != null) {
            rows.add(row(pass.what + ", from C", rounds, round -> round.median(1)));
            rows.add(row(pass.what + ", Java over C", rounds, round -> round.difference(0, 1)));
            rows.add(row("empty function of 3 pointers, from Java", rounds, round -> round.median(2)));
            rows.add(row(pass.what + ", Java over C, over that", rounds,
                    round -> round.difference(0, 1) - round.median(2)).withTarget(PASS_TARGET));
        }
        return rows;
    }

    /** Each at places of its own. */
    private List<Turns> rounds(Function<Placed, List<Turns.Batch>> kinds) throws Throwable {
        List<Turns> rounds = new ArrayList<>();
        for (int round = 0; round < effort.rounds(); round++) {
            try (Placed placed = new Placed(probe, round)) {
                rounds.add(Turns.measure(effort.roundSeconds(), kinds.apply(placed)));
            }
        }
        return rounds;
    }

    private static Row row(String what, List<Turns> rounds, ToDoubleFunction<Turns> value) {
        return row(what, rounds.stream().mapToDouble(value).toArray());
    }

    private static Row row(String what, double[] nanoseconds) {
        Row row = Row.of(Part.CALLS, what, "ns", Median.of(nanoseconds).value());
        return nanoseconds.length > 1 ? row.withSpread(nanoseconds) : row;
    }
}
