package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lnrnn.oracle.Problem;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Masks drawn from a seed and offsets in memory of the device, which is read when the work is carried out. */
@Tag("device")
class DeviceRandomTest {

    private static final LayerSpec SPEC = LayerSpec.lstm(4, 6).withLayers(2)
            .withZoneout(0.3).withZoneoutCell(0.2).withDropconnect(0.2).withDropout(0.4);
    private static final long SEED = -3;
    private static final Problem PROBLEM =
            Problem.random(SPEC, 5, 3, 1).withSeed(SEED).withOffsets(7, 1L << 31);
    private static Device device;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private static DeviceBuffer random(long... numbers) {
        DeviceBuffer buffer = device.allocate((long) numbers.length * Long.BYTES);
        buffer.copyFrom(MemorySegment.ofArray(numbers));
        return buffer;
    }

    @Test
    void drawsWhatTheSameSeedAndOffsetsDraw() {
        try (Run run = new Run(device, PROBLEM.withSeed(99).withOffsets(0, 0));
                DeviceBuffer random = random(SEED, 7, 1L << 31);
                TrainingPasses pass = run.trainingPasses(random)) {
            Map<String, double[]> results = run.forward(pass);
            results.putAll(run.backward(pass));
            Accuracy.assertSameBits("in memory of the device", results, Run.results(device, PROBLEM));
        }
    }

    @Test
    void isTheSequencesOwnWithout() {
        try (Run run = new Run(device, PROBLEM); DeviceBuffer random = random(4, 5, 6)) {
            double[] other = run.forward(run.trainingPasses(random)).get("y");
            double[] own = run.forward(run.trainingPasses()).get("y");
            assertFalse(Arrays.equals(other, own));
            Accuracy.assertSameBits("own", Map.of("y", own), Map.of("y", Run.results(device, PROBLEM).get("y")));
        }
    }

    @Test
    void memoryThatIsClosedSinceIsRefused() {
        try (Run run = new Run(device, PROBLEM)) {
            DeviceBuffer random = random(4, 5, 6);
            TrainingPasses pass = run.trainingPasses(random);
            random.close();
            String message =
                    assertThrows(IllegalStateException.class, () -> run.queueForward(pass)).getMessage();
            assertEquals("buffer of 24 bytes on " + TestDevice.NAME + " is closed", message);
        }
    }

    @Test
    void offsetsWrap() {
        long words = 1L << 32;
        try (Run run = new Run(device, PROBLEM);
                DeviceBuffer random = random(SEED, words + 7, 3 * words + (1L << 31));
                TrainingPasses pass = run.trainingPasses(random)) {
            Accuracy.assertSameBits("beyond 32 bits", Map.of("y", run.forward(pass).get("y")),
                    Map.of("y", Run.results(device, PROBLEM).get("y")));
        }
    }

    @Test
    void aGraphDrawsWhatIsThereWhenItIsLaunched() {
        assumeTrue(TestDevice.captures(), "the device captures no graphs");
        try (Stream stream = device.createStream();
                Run run = new Run(device, PROBLEM, stream);
                DeviceBuffer random = random(0, 0, 0);
                TrainingPasses pass = run.trainingPasses(random)) {
            try (Graph graph = stream.capture(() -> run.queueForward(pass))) {
                for (long seed = 1; seed <= 3; seed++) {
                    random.copyFrom(MemorySegment.ofArray(new long[] {seed, 7, 1L << 31}));
                    graph.launch(stream);
                    stream.synchronize();
                    Accuracy.assertSameBits("seed " + seed, run.outputs(),
                            outputs(Run.results(device, PROBLEM.withSeed(seed))));
                }
            }
        }
    }

    private static Map<String, double[]> outputs(Map<String, double[]> results) {
        results.keySet().removeIf(name -> name.startsWith("grad."));
        return results;
    }
}
