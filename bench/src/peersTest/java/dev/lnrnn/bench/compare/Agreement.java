package dev.lnrnn.bench.compare;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** How far a peer is from lnrnn. */
public final class Agreement {

    private Agreement() {}

    public static double error(Entrant entrant, Size size, Mode mode) {
        Problem problem = new Problem(size, entrant.normalized());
        try (Contestant contestant = entrant.preparation().prepare(problem, mode)) {
            return contestant.error(lnrnn(problem, mode));
        }
    }

    /** The same, with each tensor of lnrnn in turn changed in one element by as much as its largest. */
    public static List<Double> errorsWhereOneIsWrong(Entrant entrant, Size size, Mode mode) {
        Problem problem = new Problem(size, entrant.normalized());
        Results right = lnrnn(problem, mode);
        try (Contestant contestant = entrant.preparation().prepare(problem, mode)) {
            return right.tensors().keySet().stream().map(name -> contestant.error(wrong(right, name))).toList();
        }
    }

    private static Results lnrnn(Problem problem, Mode mode) {
        try (Lnrnn lnrnn = new Lnrnn(problem, mode, 1)) {
            return lnrnn.results();
        }
    }

    private static Results wrong(Results right, String name) {
        Map<String, float[]> tensors = new HashMap<>(right.tensors());
        float[] changed = tensors.get(name).clone();
        double largest = IntStream.range(0, changed.length).mapToDouble(i -> Math.abs(changed[i])).max().orElseThrow();
        changed[changed.length - 1] += (float) largest;
        tensors.put(name, changed);
        return new Results(tensors);
    }
}
