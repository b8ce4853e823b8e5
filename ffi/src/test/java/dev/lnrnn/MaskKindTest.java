package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lnrnn.oracle.Masks;
import dev.lnrnn.oracle.Problem;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Masks of every kind, read and given back. */
@Tag("device")
class MaskKindTest {

    private static final int STEPS = 5;
    private static final int BATCH = 3;
    private static final LayerSpec SPEC = LayerSpec.lstm(4, 6).withLayers(3).withDirection(Direction.BIDIRECTIONAL)
            .withRegularization(new Regularization(0.3, 0.2, 0.25, 0.4, false, 0.35));
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    /** What the formulas say that is drawn, in the shape of the mask. */
    private static byte[] expected(MaskKind kind, Problem problem) {
        return switch (kind) {
            case ZONEOUT -> Masks.zoneout(problem);
            case ZONEOUT_CELL -> Masks.zoneoutCell(problem);
            case DROPCONNECT -> Masks.dropconnect(problem);
            case DROPOUT_CANDIDATE -> Masks.dropoutCandidate(problem);
            case DROPOUT -> {
                ByteArrayOutputStream layers = new ByteArrayOutputStream();
                boolean once = problem.spec().regularization().variationalDropout();
                for (int layer = 0; layer < problem.layers() - 1; layer++) {
                    byte[] all = Masks.dropout(problem, layer);
                    layers.writeBytes(once ? Arrays.copyOf(all, all.length / problem.steps()) : all);
                }
                yield layers.toByteArray();
            }
        };
    }

    private static byte[] drawn(TrainingPasses pass, MaskKind kind, int bytes) {
        byte[] mask = new byte[bytes];
        try (DeviceBuffer buffer = device.allocate(bytes)) {
            pass.drawMask(kind, buffer);
            buffer.copyTo(MemorySegment.ofArray(mask));
        }
        return mask;
    }

    @ParameterizedTest
    @EnumSource
    void isDrawnAsTheFormulasSay(MaskKind kind) {
        Problem plain = Problem.random(SPEC, STEPS, BATCH, 1).withSeed(-3).withOffsets(7, 1L << 31);
        for (Problem problem : new Problem[] {plain, plain.with(SPEC.withVariationalDropout(true))}) {
            byte[] expected = expected(kind, problem);
            try (Run run = new Run(device, problem); TrainingPasses pass = run.trainingPasses()) {
                assertArrayEquals(expected, drawn(pass, kind, expected.length));
            }
            try (Run run = new Run(device, problem.withSeed(4)); DeviceBuffer random = device.allocate(24)) {
                random.copyFrom(MemorySegment.ofArray(new long[] {-3, 7, 1L << 31}));
                try (TrainingPasses pass = run.trainingPasses(random)) {
                    assertArrayEquals(expected, drawn(pass, kind, expected.length));
                }
            }
        }
    }

    private static float[] numbers(long count, long seed) {
        float[] values = new float[Math.toIntExact(count)];
        Random random = new Random(seed);
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        return values;
    }

    private static void assertSame(Training expected, Training actual) {
        float[] x = numbers(STEPS * BATCH * SPEC.inputSize(), 1);
        float[] dy = numbers(STEPS * BATCH * SPEC.outputSize(), 2);
        assertArrayEquals(expected.forward(x), actual.forward(x));
        expected.backward(dy);
        actual.backward(dy);
        for (String name : new String[] {"weight_ih_l0", "weight_hh_l1_reverse", "bias_l2"}) {
            assertArrayEquals(expected.gradient(name), actual.gradient(name));
        }
    }

    @Test
    void changesNothingWhereItIsGivenBack() {
        for (LayerSpec spec : new LayerSpec[] {SPEC, SPEC.withVariationalDropout(true)}) {
            try (Layer layer = device.createLayer(spec).initialize(3);
                    Training drawn = layer.training(Sequence.timeMajor(STEPS, BATCH));
                    Training given = layer.training(Sequence.timeMajor(STEPS, BATCH))) {
                float[] x = numbers(STEPS * BATCH * SPEC.inputSize(), 1);
                for (MaskKind kind : MaskKind.values()) {
                    drawn.setSeed(8);
                    drawn.forward(x);
                    drawn.forward(x);
                    byte[] mask = drawn.mask(kind);
                    given.setSeed(8);
                    given.setPosition(1);
                    drawn.setPosition(1);
                    given.setMask(kind, mask);
                    assertSame(drawn, given);
                    assertArrayEquals(mask, given.mask(kind));
                }
                // Where all are given, nothing is left to draw.
                given.setSeed(9);
                drawn.setPosition(1);
                assertSame(drawn, given);
                given.setMask(MaskKind.DROPOUT, null);
                given.forward(x);
                assertFalse(Arrays.equals(drawn.mask(MaskKind.DROPOUT), given.mask(MaskKind.DROPOUT)));
            }
        }
    }

    @Test
    void isOfAForwardPass() {
        try (Layer layer = device.createLayer(SPEC).initialize(3);
                Training training = layer.training(Sequence.timeMajor(STEPS, BATCH))) {
            String sentence =
                    "there are no masks: there was no forward pass, it failed, or seed, lengths or masks were set after it";
            Runnable read = () -> training.mask(MaskKind.ZONEOUT);
            assertEquals(sentence, assertThrows(IllegalStateException.class, read::run).getMessage());
            training.forward(numbers(STEPS * BATCH * SPEC.inputSize(), 1));
            read.run();
            training.setMask(MaskKind.DROPOUT, null);
            assertEquals(sentence, assertThrows(IllegalStateException.class, read::run).getMessage());
        }
    }

    @Test
    void hasItsSize() {
        try (Run run = new Run(device, Problem.random(SPEC, STEPS, BATCH, 1));
                TrainingPasses pass = run.trainingPasses();
                DeviceBuffer small = device.allocate(6 * STEPS * BATCH * 6 - 1)) {
            assertEquals("mask has 539 bytes, but 540 are needed", assertThrows(IllegalArgumentException.class,
                    () -> pass.drawMask(MaskKind.ZONEOUT_CELL, small)).getMessage());
        }
    }
}
