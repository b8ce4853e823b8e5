package dev.lnrnn;

import dev.lnrnn.oracle.Masks;
import dev.lnrnn.oracle.Oracle;
import dev.lnrnn.oracle.Problem;
import java.util.List;
import java.util.Map;

/**
 * Runs every pass on buffers that touch guard pages, at sizes that fill no vector and no tile, in a JVM of
 * its own ({@link GuardPageTest} starts it): a step outside ends it, and the last line printed says at which
 * sizes.
 */
final class GuardPages {

    private static final int[] HIDDEN = {1, 3, 17, 33};
    private static final int[] BATCH = {1, 2, 5, 13};
    private static final int STEPS = 3;

    private GuardPages() {}

    /** Arguments: the instruction set, the type. Ends with an exception where a result is wrong. */
    public static void main(String[] arguments) {
        DataType type = DataType.valueOf(arguments[1]);
        DeviceOptions options = DeviceOptions.DEFAULTS.withThreads(2).withIsa(arguments[0]);
        try (Device device = Device.open("cpu", options)) {
            for (GuardedMemory.Side side : GuardedMemory.Side.values()) {
                for (int hidden : HIDDEN) {
                    for (int batch : BATCH) {
                        System.out.printf("%s %s page %s, H = %d, N = %d%n",
                                arguments[0], type, side, hidden, batch);
                        System.out.flush();
                        run(device, side, type, hidden, batch);
                    }
                }
            }
        }
    }

    private static void run(Device device, GuardedMemory.Side side, DataType type, int hidden, int batch) {
        for (Normalization normalization : new Normalization[] {Normalization.NONE, Normalization.HASTE}) {
            LayerSpec spec = LayerSpec.lstm(hidden + 2, hidden).withDataType(type)
                    .withNormalization(normalization).withZoneout(0.25).withDropconnect(0.25);
            Problem problem = Problem.random(spec, STEPS, batch, hidden);
            try (GuardedMemory memory = new GuardedMemory(device, side)) {
                assertStaysInside(device, memory, problem);
            }
        }
    }

    private static void assertStaysInside(Device device, GuardedMemory memory, Problem problem) {
        Map<String, double[]> trained = Run.results(device, problem);
        Problem masked = problem.withMasks(Masks.zoneout(problem), Masks.dropconnect(problem));
        for (Problem each : List.of(problem, masked)) {
            Accuracy.assertSameBits("training",
                    Run.results(device, each, Layout.TIME_MAJOR, memory), trained);
        }
        Problem inference = problem.inference();
        Map<String, double[]> expected = Oracle.forward(inference);
        Accuracy bound = Accuracy.bound(problem.spec().dataType());
        Accuracy.assertClose("inference",
                Run.results(device, inference, Layout.TIME_MAJOR, memory), expected, bound);
        Accuracy.assertClose("steps", Stepwise.results(device, inference, memory), expected, bound);
    }
}
