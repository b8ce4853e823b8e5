package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tensors with strides that overlap themselves or each other are refused before a pass is run. */
@Tag("device")
class OverlapsTest {
    private static final int STEPS = 3;
    private static final int BATCH = 2;
    private static final LayerSpec SPEC = LayerSpec.lstm(5, 7);
    private static Device device;
    private static Arena arena;
    private static Plan plan;
    private static PlanSizes sizes;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
        arena = Arena.ofShared();
        plan = device.createPlan(SPEC, arena);
        sizes = plan.sizes(STEPS, BATCH);
    }

    @AfterAll
    static void close() {
        arena.close();
        device.close();
    }

    @Test
    @Tag("cpu")
    void rowsAgainstASearch() {
        Random random = new Random(5);
        int met = 0;
        for (int round = 0; round < 20_000; round++) {
            Rows a = rows(random);
            Rows b = round % 2 == 0 ? new Rows(a.steps(), a.step(), a.batch(), a.row(), 1 + random.nextInt(5))
                    : rows(random);
            int start = random.nextInt(31);
            int otherStart = random.nextInt(61);
            boolean expected = bytes(a, start).intersects(bytes(b, otherStart));
            assertEquals(expected, a.meet(start, b, otherStart),
                    () -> a + " at " + start + ", " + b + " at " + otherStart);
            met += expected ? 1 : 0;
        }
        assertTrue(met > 2000 && met < 18_000, () -> "a search of too little");
    }

    private static Rows rows(Random random) {
        return new Rows(1 + random.nextInt(4), random.nextInt(21), 1 + random.nextInt(4), random.nextInt(21),
                1 + random.nextInt(5));
    }

    private static BitSet bytes(Rows rows, int start) {
        BitSet bytes = new BitSet();
        for (int t = 0; t < rows.steps(); t++) {
            for (int n = 0; n < rows.batch(); n++) {
                int begin = (int) (start + t * rows.step() + n * rows.row());
                bytes.set(begin, begin + (int) rows.bytes());
            }
        }
        return bytes;
    }

    /** Of y, with 7 features, and of dx, with 5. */
    @ParameterizedTest
    @CsvSource({"14, 6, true", "13, 7, true", "14, 7, false", "7, 21, false", "7, 20, true", "0, 7, true",
        "3, 3, true"})
    void rowsOfAResult(long step, long row, boolean overlap) {
        Strides strides = new Strides(step, row);
        Sequence sequence = Sequence.timeMajor(STEPS, BATCH).withY(strides).withDx(strides);
        DeviceBuffer result = buffer(1000);
        InferenceArguments inference = inference(sequence).x(buffer(1000)).y(result);
        TrainingPasses training = plan.training(sequence, device.defaultStream())
                .parameters(buffer(sizes.parameterBytes())).x(buffer(1000)).reserve(buffer(sizes.reserveBytes()))
                .bind();
        DeviceBuffer workspace = buffer(
                Math.max(sizes.trainingWorkspaceBytes(), sizes.backwardWorkspaceBytes()));
        ForwardArguments forward = training.forward().workspace(workspace).y(result);
        BackwardArguments backward = training.backward().workspace(workspace).dx(result);
        if (overlap) {
            String rest = " overlap: strides " + step + " (step) and " + row + " (row), ";
            assertRefused("rows of y" + rest + "7 features", inference::bind);
            assertRefused("rows of y" + rest + "7 features", forward::bind);
            if (row < 6) {
                assertRefused("rows of dx" + rest + "5 features", backward::bind);
            }
        } else {
            inference.bind().run();
            forward.bind().run();
            backward.bind().run();
        }
    }

    /** What overlaps itself is read, and what is read may. */
    @Test
    void rowsOfAnInputMayCoincide() {
        inference(Sequence.timeMajor(STEPS, BATCH).withX(new Strides(0, 0))).x(buffer(1000)).y(buffer(1000)).bind()
                .run();
    }

    @ParameterizedTest
    @CsvSource({"0, 5, false", "7, 0, false", "0, 4, true", "6, 0, true", "0, 0, true", "60, 1, true"})
    void columnsOfOneMatrix(long x, long y, boolean overlap) {
        Strides rows = new Strides(BATCH * 12, 12);
        DeviceBuffer matrix = buffer(8 * STEPS * BATCH * 12 * Float.BYTES);
        InferenceArguments inference = inference(Sequence.timeMajor(STEPS, BATCH).withX(rows).withY(rows))
                .x(from(matrix, x)).y(from(matrix, y));
        if (overlap) {
            assertRefused("x and y overlap, but y is written", inference::bind);
        } else {
            inference.bind().run();
        }
    }

    /** One matrix of rows that the other's strides cross. */
    @ParameterizedTest
    @CsvSource({"0, true", "5, false", "13, true"})
    void tensorsOfOtherStrides(long y, boolean overlap) {
        DeviceBuffer matrix = buffer(8 * STEPS * BATCH * 12 * Float.BYTES);
        InferenceArguments inference = inference(Sequence.timeMajor(STEPS, BATCH).withX(new Strides(24, 12))
                .withY(new Strides(12, 36))).x(from(matrix, 0)).y(from(matrix, y));
        if (overlap) {
            assertRefused("x and y overlap, but y is written", inference::bind);
        } else {
            inference.bind().run();
        }
    }

    /** Nothing overlaps memory of no bytes, amid other memory as anywhere. */
    @Test
    void memoryOfNoBytes() {
        DeviceBuffer memory = buffer(1000);
        PlanSizes none = plan.sizes(0, BATCH);
        plan.inference(Sequence.timeMajor(0, BATCH), device.defaultStream()).packed(buffer(none.packedBytes()))
                .x(memory.slice(28, 0)).y(memory.slice(28, 0)).hn(memory)
                .workspace(buffer(none.inferenceWorkspaceBytes())).bind().run();
    }

    private static InferenceArguments inference(Sequence sequence) {
        return plan.inference(sequence, device.defaultStream()).packed(buffer(sizes.packedBytes()))
                .workspace(buffer(sizes.inferenceWorkspaceBytes()));
    }

    private static DeviceBuffer from(DeviceBuffer matrix, long element) {
        return matrix.slice(element * Float.BYTES, matrix.byteSize() - element * Float.BYTES);
    }

    private static DeviceBuffer buffer(long bytes) {
        return device.zeros(bytes, arena);
    }

    private static void assertRefused(String sentence, Runnable bind) {
        assertEquals(sentence, assertThrows(IllegalArgumentException.class, bind::run).getMessage());
    }
}
