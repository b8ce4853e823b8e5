package dev.lnrnn.internal;

import dev.lnrnn.raw.lnrnn_h;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The calls that compute. The linker keeps open the arenas of the pointers that it is given, but not of those inside a
 * struct: so segments of further arenas follow the struct, for entries that ignore them. How many decides the entry: none,
 * 4, 8 or 20.
 */
public final class HeldCalls {
    private static final int[] WIDTHS = {0, 4, 8, 20};

    private HeldCalls() {}

    /** Makes as many segments as an entry takes: those given, and {@code none}. */
    public static MemorySegment[] fill(MemorySegment none, MemorySegment... held) {
        for (int width : WIDTHS) {
            if (held.length <= width) {
                MemorySegment[] filled = new MemorySegment[width];
                Arrays.fill(filled, none);
                System.arraycopy(held, 0, filled, 0, held.length);
                return filled;
            }
        }
        throw new IllegalArgumentException(held.length + " segments are to be held, expected 20 at most");
    }

    /** {@code lnrnnStep}. */
    public static int step(MemorySegment plan, MemorySegment stream, MemorySegment arguments, MemorySegment[] h) {
        return switch (h.length) {
            case 0 -> lnrnn_h.lnrnnStep(plan, stream, arguments);
            case 4 -> lnrnn_h.lnrnnStepHolding4(plan, stream, arguments, h[0], h[1], h[2], h[3]);
            case 8 ->
                    lnrnn_h.lnrnnStepHolding8(plan, stream, arguments, h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]);
            default ->
                    lnrnn_h.lnrnnStepHolding20(plan, stream, arguments, h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7],
                            h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15], h[16], h[17], h[18], h[19]);
        };
    }

    /** {@code lnrnnForwardInference}. */
    public static int forwardInference(
            MemorySegment plan, MemorySegment stream, MemorySegment arguments, MemorySegment[] h) {
        return switch (h.length) {
            case 0 -> lnrnn_h.lnrnnForwardInference(plan, stream, arguments);
            case 4 -> lnrnn_h.lnrnnForwardInferenceHolding4(plan, stream, arguments, h[0], h[1], h[2], h[3]);
            case 8 -> lnrnn_h.lnrnnForwardInferenceHolding8(
                    plan, stream, arguments, h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]);
            default ->
                    lnrnn_h.lnrnnForwardInferenceHolding20(plan, stream, arguments, h[0], h[1], h[2], h[3], h[4], h[5],
                            h[6], h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15], h[16], h[17], h[18],
                            h[19]);
        };
    }

    /** {@code lnrnnForwardTraining}. */
    public static int forwardTraining(
            MemorySegment plan, MemorySegment stream, MemorySegment arguments, MemorySegment[] h) {
        return switch (h.length) {
            case 0 -> lnrnn_h.lnrnnForwardTraining(plan, stream, arguments);
            case 4 -> lnrnn_h.lnrnnForwardTrainingHolding4(plan, stream, arguments, h[0], h[1], h[2], h[3]);
            case 8 -> lnrnn_h.lnrnnForwardTrainingHolding8(
                    plan, stream, arguments, h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]);
            default ->
                    lnrnn_h.lnrnnForwardTrainingHolding20(plan, stream, arguments, h[0], h[1], h[2], h[3], h[4], h[5],
                            h[6], h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15], h[16], h[17], h[18],
                            h[19]);
        };
    }

    /** {@code lnrnnBackward}. */
    public static int backward(MemorySegment plan, MemorySegment stream, MemorySegment arguments, MemorySegment[] h) {
        return switch (h.length) {
            case 0 -> lnrnn_h.lnrnnBackward(plan, stream, arguments);
            case 4 -> lnrnn_h.lnrnnBackwardHolding4(plan, stream, arguments, h[0], h[1], h[2], h[3]);
            case 8 -> lnrnn_h.lnrnnBackwardHolding8(
                    plan, stream, arguments, h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]);
            default -> lnrnn_h.lnrnnBackwardHolding20(plan, stream, arguments, h[0], h[1], h[2], h[3], h[4], h[5], h[6],
                    h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15], h[16], h[17], h[18], h[19]);
        };
    }
}
