package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** New sequences inside rows, on every level: the native tests say what they compute, these that they arrive there. */
@Tag("device")
class ResetsTest {
    private static final int STEPS = 6;
    private static final int BATCH = 2;
    private static final int INPUTS = 3;
    private static final int HIDDEN = 5;
    private static final LayerSpec SPEC = LayerSpec.lstm(INPUTS, HIDDEN).withLayers(2);
    /** At step 4 of row 0 and at step 2 of row 1. */
    private static final byte[] RESETS = {0, 0, 0, 0, 0, 9, 0, 0, -1, 0, 0, 0};

    private final float[] x = Numbers.gaussian(STEPS * BATCH * INPUTS, 1);
    private Device device;
    private Layer layer;

    @BeforeEach
    void open() {
        device = TestDevice.open();
        layer = device.createLayer(SPEC).initialize(3);
    }

    @AfterEach
    void close() {
        device.close();
        assertEquals(LeakCheck.NOTHING, Library.usage());
    }

    /** Steps from...to of a row of a tensor (T,N,features). */
    private static float[] part(float[] all, int row, int from, int to, int features) {
        float[] part = new float[(to - from) * features];
        for (int t = from; t < to; t++) {
            System.arraycopy(all, (t * BATCH + row) * features, part, (t - from) * features, features);
        }
        return part;
    }

    private float[] alone(int row, int from, int to) {
        return layer.forward(part(x, row, from, to, INPUTS), to - from, 1).y();
    }

    private void assertPieces(float[] y) {
        assertArrayEquals(alone(0, 0, 4), part(y, 0, 0, 4, HIDDEN), 1e-6f);
        assertArrayEquals(alone(0, 4, STEPS), part(y, 0, 4, STEPS, HIDDEN), 1e-6f);
        assertArrayEquals(alone(1, 0, 2), part(y, 1, 0, 2, HIDDEN), 1e-6f);
        assertArrayEquals(alone(1, 2, STEPS), part(y, 1, 2, STEPS, HIDDEN), 1e-6f);
    }

    @Test
    void aLayerRunsThePiecesOfArrays() {
        assertPieces(layer.forward(x, STEPS, BATCH, RESETS, null, null).y());
        assertFalse(Arrays.equals(layer.forward(x, STEPS, BATCH).y(),
                layer.forward(x, STEPS, BATCH, RESETS, null, null).y()));
    }

    @Test
    void aLayerRunsThePiecesOfSegmentsWithStrides() {
        try (Arena arena = Arena.ofConfined()) {
            byte[] rowAfterRow = new byte[STEPS * BATCH];
            for (int t = 0; t < STEPS; t++) {
                for (int n = 0; n < BATCH; n++) {
                    rowAfterRow[n * STEPS + t] = RESETS[t * BATCH + n];
                }
            }
            MemorySegment y = arena.allocate((long) STEPS * BATCH * HIDDEN * Float.BYTES, 64);
            for (MemorySegment resets : new MemorySegment[] {MemorySegment.ofArray(rowAfterRow),
                arena.allocate(rowAfterRow.length).copyFrom(MemorySegment.ofArray(rowAfterRow))}) {
                layer.forward(MemorySegment.ofArray(x),
                        Sequence.timeMajor(STEPS, BATCH).withResets(new Strides(1, STEPS)), resets, null, null, null, y,
                        null, null);
                assertPieces(y.toArray(ValueLayout.JAVA_FLOAT));
            }
        }
    }

    @Test
    void trainingLearnsFromPieces() {
        float[] dy = Numbers.gaussian(STEPS * BATCH * HIDDEN, 2);
        Training whole = layer.training(Sequence.timeMajor(STEPS, BATCH));
        whole.setResets(RESETS);
        assertPieces(whole.forward(x));
        whole.backward(dy);
        float[] sum = new float[whole.gradient("weight_hh_l0").length];
        for (int[] piece : new int[][] {{0, 0, 4}, {0, 4, STEPS}, {1, 0, 2}, {1, 2, STEPS}}) {
            try (Training part = layer.training(Sequence.timeMajor(piece[2] - piece[1], 1))) {
                part.forward(part(x, piece[0], piece[1], piece[2], INPUTS));
                part.backward(part(dy, piece[0], piece[1], piece[2], HIDDEN));
                float[] gradient = part.gradient("weight_hh_l0");
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += gradient[i];
                }
            }
        }
        assertArrayEquals(sum, whole.gradient("weight_hh_l0"), 1e-4f);

        whole.setResets(null);
        assertArrayEquals(layer.forward(x, STEPS, BATCH).y(), whole.forward(x), 1e-6f);
        whole.close();
    }

    @Test
    void backwardRefusesResetsThatForwardHadNot() {
        try (Training training = layer.training(Sequence.timeMajor(STEPS, BATCH))) {
            training.forward(x);
            training.setResets(RESETS);
            assertThrows(IllegalStateException.class, () -> training.backward(new float[STEPS * BATCH * HIDDEN]));
        }
    }

    @Test
    void aStreamBeginsOneRowAnew() {
        try (Streaming stream = layer.streaming(BATCH)) {
            float[] y = new float[STEPS * BATCH * HIDDEN];
            for (int t = 0; t < STEPS; t++) {
                for (int n = 0; n < BATCH; n++) {
                    if (RESETS[t * BATCH + n] != 0) {
                        stream.reset(n);
                    }
                }
                float[] input = Arrays.copyOfRange(x, t * BATCH * INPUTS, (t + 1) * BATCH * INPUTS);
                System.arraycopy(stream.step(input), 0, y, t * BATCH * HIDDEN, BATCH * HIDDEN);
            }
            assertPieces(y);
            assertThrows(IndexOutOfBoundsException.class, () -> stream.reset(BATCH));
            assertThrows(IndexOutOfBoundsException.class, () -> stream.reset(-1));
        }
    }

    @Test
    void aStepBeginsRowsAnew() {
        Plan plan = layer.plan();
        Stream queue = device.defaultStream();
        StepArguments arguments = plan.step(BATCH, queue);
        DeviceBuffer h = device.allocate(arguments.sizes().stateBytes());
        DeviceBuffer c = device.allocate(arguments.sizes().cellStateBytes());
        DeviceBuffer packed = device.allocate(arguments.sizes().packedBytes());
        DeviceBuffer input = device.allocate((long) BATCH * INPUTS * Float.BYTES);
        DeviceBuffer resets = device.allocate(BATCH);
        plan.pack(queue, layer.parameters().buffer(), packed);
        queue.fill(h, (byte) 0);
        queue.fill(c, (byte) 0);
        StepPass step = arguments.packed(packed).x(input).resets(resets).h(h).c(c)
                .workspace(device.allocate(arguments.sizes().stepWorkspaceBytes())).bind();
        float[] y = new float[STEPS * BATCH * HIDDEN];
        float[] state = new float[2 * BATCH * HIDDEN];
        for (int t = 0; t < STEPS; t++) {
            queue.copy(input,
                    MemorySegment.ofArray(Arrays.copyOfRange(x, t * BATCH * INPUTS, (t + 1) * BATCH * INPUTS)));
            queue.copy(resets, MemorySegment.ofArray(Arrays.copyOfRange(RESETS, t * BATCH, (t + 1) * BATCH)));
            step.run();
            queue.copy(MemorySegment.ofArray(state), h);
            queue.synchronize();
            System.arraycopy(state, BATCH * HIDDEN, y, t * BATCH * HIDDEN, BATCH * HIDDEN);
        }
        assertPieces(y);
    }

    @Test
    void whatDoesNotFitIsRefused() {
        String message = assertThrows(IllegalArgumentException.class,
                () -> layer.forward(x, STEPS, BATCH, new byte[STEPS], null, null)).getMessage();
        assertEquals("resets has 6 elements, expected 12", message);
        try (Training training = layer.training(Sequence.timeMajor(STEPS, BATCH))) {
            assertThrows(IllegalArgumentException.class, () -> training.setResets(new byte[13]));
            assertThrows(IllegalArgumentException.class, () -> layer.plan()
                    .inference(Sequence.timeMajor(STEPS, BATCH), device.defaultStream())
                    .packed(device.allocate(layer.plan().sizes(STEPS, BATCH).packedBytes()))
                    .x(device.allocate(4L * x.length)).resets(device.allocate(STEPS * BATCH - 1))
                    .workspace(device.allocate(layer.plan().sizes(STEPS, BATCH).inferenceWorkspaceBytes())).bind());
        }
    }
}
