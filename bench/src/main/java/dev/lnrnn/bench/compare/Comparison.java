package dev.lnrnn.bench.compare;

import dev.lnrnn.bench.compare.Entrant.Kind;
import dev.lnrnn.bench.jmh.Shape;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Stream;

/** Measures lnrnn and its peers, shape by shape and mode by mode: all get ready, are checked, then timed in turns. */
final class Comparison {

    static final String OURS = "lnrnn";

    /**
     * How far results may differ, see {@link Results#error}: some ten times what two correct evaluations of the longest
     * sequences differ.
     */
    private static final double BOUND = 3e-4;

    private final int threads;
    private final List<Entrant> entrants;
    private final CpuCalibration calibration;
    private final Schedule schedule;
    private final Progress progress;

    Comparison(int threads, List<Peer> peers, CpuCalibration calibration, Schedule schedule, Progress progress) {
        this.threads = threads;
        this.calibration = calibration;
        this.schedule = schedule;
        this.progress = progress;
        Entrant.Preparation ours = (problem, mode) -> new Lnrnn(problem, mode, threads);
        entrants = Stream.concat(
                Stream.of(new Entrant(OURS, Kind.NORMALIZED, EnumSet.allOf(Mode.class), ours),
                        new Entrant(OURS, Kind.PLAIN, EnumSet.allOf(Mode.class), ours)),
                peers.stream().flatMap(peer -> peer.entrants().stream())).toList();
    }

    /** What is measured together. */
    record Case(Shape shape, Mode mode) {

        @Override
        public String toString() {
            return shape + " " + mode.title();
        }
    }

    /** Told after every case what has been measured so far, since the rest may take long or never come. */
    @FunctionalInterface
    interface Keeper {

        void keep(List<Timing> soFar) throws IOException;
    }

    /** Measures as many of the cases, in their order, as there is time for. */
    List<Timing> run(List<Case> cases, Keeper keeper) throws IOException, InterruptedException {
        List<Timing> timings = new ArrayList<>();
        for (int i = 0; i < cases.size(); i++) {
            Case now = cases.get(i);
            if (schedule.hasTime()) {
                progress.begin(now);
                timings.addAll(measure(now, cases.size() - i));
                calibration.look();
                keeper.keep(List.copyOf(timings));
                progress.end(now);
            } else {
                progress.leftOut(now);
            }
        }
        return timings;
    }

    /** Everybody who takes part in one case, ready to run. */
    private final class Field implements AutoCloseable {

        private final List<Entrant> present;
        private final Deque<Contestant> ready = new ArrayDeque<>();
        private final List<Boolean> checked = new ArrayList<>();

        Field(Case now) {
            present = entrants.stream().filter(entrant -> entrant.modes().contains(now.mode())).toList();
            try {
                prepare(new Problem(Size.of(now.shape()), true), new Problem(Size.of(now.shape()), false), now.mode());
            } catch (Throwable failure) {
                close();
                throw failure;
            }
        }

        /** Results and problems are garbage before anything is timed. */
        private void prepare(Problem normalized, Problem plain, Mode mode) {
            Results[] lnrnn = new Results[Kind.values().length];
            for (Entrant entrant : present) {
                Kind kind = entrant.kind();
                Contestant contestant = entrant.preparation().prepare(entrant.normalized() ? normalized : plain, mode);
                ready.add(contestant);
                if (contestant instanceof Lnrnn ours) {
                    lnrnn[kind.ordinal()] = ours.results();
                }
                Results expected = lnrnn[(kind == Kind.PRODUCTS ? Kind.PLAIN : kind).ordinal()];
                double error = contestant.error(expected);
                checked.add(error <= BOUND);
                progress.checked(entrant, error);
            }
        }

        List<Contestant> contestants() {
            return List.copyOf(ready);
        }

        boolean isChecked(int index) {
            Entrant entrant = present.get(index);
            if (!entrant.system().equals(OURS)) {
                return checked.get(index);
            }
            List<Boolean> peers = new ArrayList<>();
            for (int i = 0; i < present.size(); i++) {
                if (present.get(i).kind() == entrant.kind() && i != index) {
                    peers.add(checked.get(i));
                }
            }
            return !peers.isEmpty() && !peers.contains(false);
        }

        @Override
        public void close() {
            ready.forEach(Contestant::close);
        }
    }

    private List<Timing> measure(Case now, int casesLeft) throws InterruptedException {
        try (Field field = new Field(now)) {
            List<double[]> samples = new Rounds(field.contestants(), threads).run(schedule.fewestRounds(),
                    schedule.rounds(casesLeft), rounds -> progress.round(now, rounds));
            List<Timing> timings = new ArrayList<>();
            for (int i = 0; i < samples.size(); i++) {
                Median median = Median.of(samples.get(i));
                Entrant entrant = field.present.get(i);
                timings.add(new Timing(now.shape(), now.mode(), threads, entrant.system(), entrant.normalized(),
                        median.value(), median.low(), median.high(), field.isChecked(i)));
            }
            return timings;
        }
    }
}
