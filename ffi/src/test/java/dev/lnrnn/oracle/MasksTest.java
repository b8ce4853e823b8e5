package dev.lnrnn.oracle;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lnrnn.Direction;
import dev.lnrnn.LayerSpec;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Where a mask's element is drawn: the counter's words are the published ones where element, step, row and
 * stream are, and every kind of mask goes to the counter that numerics gives it, spelled out here.
 */
class MasksTest {

    private static final long SEED = 0x299f31d0a4093822L;
    private static final int STEPS = 2;
    private static final int BATCH = 3;
    private static final int HIDDEN = 6;
    private static final int STEP_OFFSET = 1000;
    private static final int ROW_OFFSET = 77;
    private static final Problem PROBLEM = Problem.of(
            LayerSpec.lstm(5, HIDDEN).withLayers(3).withDirection(Direction.BIDIRECTIONAL)
                    .withZoneout(0.5).withZoneoutCell(0.25).withDropconnect(0.75).withDropout(0.4)
                    .withDropoutCandidate(0.25),
            STEPS, BATCH, true, Map.of())
            .withSeed(SEED).withOffsets(STEP_OFFSET, ROW_OFFSET);

    /** As in kat_vectors: 243f6a88 85a308d3 13198a2e 03707344 under a4093822 299f31d0. */
    @Test
    void knownAnswersAreDrawnForTheirPlace() {
        int stream = Masks.stream(3, 0, 0x707344);
        int[] published = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
        for (int word = 0; word < 4; word++) {
            long feature = 4 * 0x243f6a88L + word;
            assertEquals(published[word], Masks.word(SEED, feature, 0x85a308d3L, 0x13198a2eL, stream));
        }
    }

    @Test
    void knownAnswersUnderAllOnes() {
        int stream = Masks.stream(0xff, 1, 0x7fffff);
        int[] published = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
        for (int word = 0; word < 4; word++) {
            long feature = 4 * 0xffffffffL + word;
            assertEquals(published[word], Masks.word(-1, feature, 0xffffffffL, 0xffffffffL, stream));
        }
    }

    @Test
    void keepsBelowTheThreshold() {
        assertEquals(1, Masks.keeps(0x7fffffff, 0.5));
        assertEquals(0, Masks.keeps(0x80000000, 0.5));
        assertEquals(1, Masks.keeps(0xbfffffff, 0.25));
        assertEquals(0, Masks.keeps(0xc0000000, 0.25));
        assertEquals(1, Masks.keeps(-1, 0));
        assertEquals(0, Masks.keeps(0, 1));
    }

    @Test
    void zoneoutOfH() {
        byte[] mask = Masks.zoneout(PROBLEM);
        assertArrayEquals(states(0x01000000, 0x80000000L), mask);
    }

    @Test
    void zoneoutOfC() {
        byte[] mask = Masks.zoneoutCell(PROBLEM);
        assertArrayEquals(states(0x02000000, 0xc0000000L), mask);
    }

    @Test
    void dropoutOfTheCandidate() {
        assertArrayEquals(states(0x06000000, 0xc0000000L), Masks.dropoutCandidate(PROBLEM));
    }

    private static byte[] states(int kind, long threshold) {
        byte[] mask = new byte[6 * STEPS * BATCH * HIDDEN];
        int i = 0;
        for (int stream : streams(kind)) {
            for (int t = 0; t < STEPS; t++) {
                for (int n = 0; n < BATCH; n++) {
                    for (int j = 0; j < HIDDEN; j++) {
                        mask[i++] = draw(j, STEP_OFFSET + t, ROW_OFFSET + n, stream, threshold);
                    }
                }
            }
        }
        return mask;
    }

    /** Layer by layer, forward before reverse. */
    private static int[] streams(int kind) {
        return new int[] {kind, kind | 0x800000, kind | 1, kind | 0x800001, kind | 2, kind | 0x800002};
    }

    @Test
    void dropconnect() {
        byte[] mask = new byte[6 * 4 * HIDDEN * HIDDEN];
        int i = 0;
        for (int stream : streams(0x03000000)) {
            for (int row = 0; row < 4 * HIDDEN; row++) {
                for (int column = 0; column < HIDDEN; column++) {
                    mask[i++] = draw(column, row, 0, stream, 0x40000000L);
                }
            }
        }
        assertArrayEquals(mask, Masks.dropconnect(PROBLEM));
    }

    @Test
    void dropoutBetweenLayers() {
        for (int layer = 0; layer < 2; layer++) {
            assertArrayEquals(outputs(layer, STEP_OFFSET, 1), Masks.dropout(PROBLEM, layer));
            Problem variational = PROBLEM.with(PROBLEM.spec().withVariationalDropout(true));
            assertArrayEquals(outputs(layer, 0, 0), Masks.dropout(variational, layer));
        }
    }

    private static byte[] outputs(int layer, int firstStep, int perStep) {
        byte[] mask = new byte[STEPS * BATCH * 2 * HIDDEN];
        long threshold = 2576980377L; // 0.6 of 2^32, rounded down
        int i = 0;
        for (int t = 0; t < STEPS; t++) {
            for (int n = 0; n < BATCH; n++) {
                for (int j = 0; j < 2 * HIDDEN; j++) {
                    int step = firstStep + perStep * t;
                    mask[i++] = draw(j, step, ROW_OFFSET + n, 0x04000000 | layer, threshold);
                }
            }
        }
        return mask;
    }

    private static byte draw(int feature, int c1, int c2, int stream, long threshold) {
        int[] words = Philox.words(SEED, feature / 4, c1, c2, stream);
        return (byte) (Integer.toUnsignedLong(words[feature % 4]) < threshold ? 1 : 0);
    }
}
