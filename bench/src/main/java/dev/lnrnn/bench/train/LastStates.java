package dev.lnrnn.bench.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.lnrnn.LayerSpec;
import java.lang.foreign.MemorySegment;

/**
 * What the head of a bidirectional forecaster reads: of each row, where the last layer's two directions
 * came to their ends, side by side (N, 2P). In hn (L·2, N, P) they are the last two of the states.
 */
final class LastStates {

    private LastStates() {}

    static void gather(LayerSpec spec, MemorySegment hn, MemorySegment features) {
        forEach(spec, hn, (state, feature, bytes) -> MemorySegment.copy(hn, state, features, feature, bytes));
    }

    /** The way back: the gradient by hn. The other layers' states, which nobody reads, are left alone. */
    static void scatter(LayerSpec spec, MemorySegment features, MemorySegment dhn) {
        forEach(spec, dhn, (state, feature, bytes) -> MemorySegment.copy(features, feature, dhn, state, bytes));
    }

    private interface Copy {
        void run(long stateOffset, long featureOffset, long bytes);
    }

    private static void forEach(LayerSpec spec, MemorySegment states, Copy copy) {
        long bytes = spec.outputWidth() * JAVA_FLOAT.byteSize();
        long batch = states.byteSize() / (spec.states() * bytes);
        for (int direction = 0; direction < 2; direction++) {
            long first = (spec.states() - 2 + direction) * batch;
            for (long n = 0; n < batch; n++) {
                copy.run((first + n) * bytes, (2 * n + direction) * bytes, bytes);
            }
        }
    }
}
