package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a training keeps from call to call: masks, a forward pass, gradients. */
@Tag("device")
class TrainingTest {

    private static final int STEPS = 4;
    private static final int BATCH = 3;
    private static final int INPUTS = 5;
    private static final int HIDDEN = 6;
    private static final LayerSpec SPEC =
            LayerSpec.lstm(INPUTS, HIDDEN).withLayers(2).withZoneout(0.3).withDropconnect(0.3).withDropout(0.3);
    private static final long SEED = 11;

    private final float[] x = Numbers.gaussian(STEPS * BATCH * INPUTS, 1);
    private final float[] dy = Numbers.gaussian(STEPS * BATCH * HIDDEN, 2);
    private Device device;
    private Layer layer;
    private Training training;

    @BeforeEach
    void open() {
        device = TestDevice.open(1);
        layer = device.createLayer(SPEC).initialize(3);
        training = layer.training(Sequence.timeMajor(STEPS, BATCH));
    }

    @AfterEach
    void close() {
        device.close();
        assertEquals(LeakCheck.NOTHING, Library.usage());
    }

    private float[][] outputs(Training of, int count) {
        float[][] outputs = new float[count][];
        Arrays.setAll(outputs, i -> of.forward(x));
        return outputs;
    }

    private float[] gradient(Training of) {
        of.backward(dy);
        return of.gradient("weight_hh_l0");
    }

    private static String refused(Runnable call) {
        return assertThrows(IllegalStateException.class, call::run).getMessage();
    }

    private static void assertContains(String expected, String message) {
        assertTrue(message.contains(expected), message);
    }

    @Test
    void everyForwardDrawsMasksOfItsOwn() {
        float[][] outputs = outputs(training, 3);
        assertFalse(Arrays.equals(outputs[0], outputs[1]));
        assertFalse(Arrays.equals(outputs[1], outputs[2]));
        assertFalse(Arrays.equals(outputs[0], outputs[2]));
    }

    @Test
    void aSeedStartsTheSequenceAnew() {
        float[][] withoutSeed = outputs(training, 2);
        training.setSeed(SEED);
        float[][] first = outputs(training, 3);
        assertEquals(3, training.position());
        training.setSeed(SEED);
        assertEquals(0, training.position());
        assertEquals(SEED, training.seed());
        assertArrayEquals(first, outputs(training, 3));
        training.setSeed(0);
        assertArrayEquals(withoutSeed, outputs(training, 2));
    }

    @Test
    void aTrainingThatStoppedGoesOnAsIfItHadNot() {
        training.setSeed(SEED);
        outputs(training, 2);
        long seed = training.seed();
        long position = training.position();
        float[][] uninterrupted = outputs(training, 3);
        try (Training resumed = layer.training(Sequence.timeMajor(STEPS, BATCH))) {
            resumed.setSeed(seed);
            resumed.setPosition(position);
            assertArrayEquals(uninterrupted, outputs(resumed, 3));
        }
        assertThrows(IllegalArgumentException.class, () -> training.setPosition(-1));
        assertEquals(5, training.position());
    }

    /** So that whoever has passes can draw the same. */
    @Test
    void theSeedsOfThePassesAreThoseOfSplittableRandom() {
        training.setSeed(SEED);
        float[][] sequence = outputs(training, 3);
        SplittableRandom seeds = new SplittableRandom(SEED);
        for (int position = 1; position < 3; position++) {
            training.setSeed(seeds.nextLong());
            assertArrayEquals(sequence[position], training.forward(x));
        }
    }

    @Test
    void backwardHasTheMasksOfItsForward() {
        training.setSeed(SEED);
        outputs(training, 2);
        float[] late = gradient(training);
        assertArrayEquals(late, gradient(training));
        training.setSeed(SEED);
        training.setPosition(1);
        training.forward(x);
        assertArrayEquals(late, gradient(training));
    }

    @Test
    void masksThatAreGivenAreNotDrawn() {
        LayerSpec spec = LayerSpec.lstm(INPUTS, HIDDEN).withZoneout(0.3).withDropconnect(0.3);
        try (Layer single = device.createLayer(spec).initialize(3);
                Training given = single.training(Sequence.timeMajor(STEPS, BATCH))) {
            given.setMask(MaskKind.ZONEOUT, ones(STEPS * BATCH * HIDDEN));
            given.setMask(MaskKind.DROPCONNECT, ones(4 * HIDDEN * HIDDEN));
            float[][] outputs = outputs(given, 2);
            assertArrayEquals(outputs[0], outputs[1]);
            assertEquals(2, given.position());
        }
    }

    private static byte[] ones(int count) {
        byte[] ones = new byte[count];
        Arrays.fill(ones, (byte) 1);
        return ones;
    }

    @Test
    void aForwardThatIsRefusedDrawsNothing() {
        assertThrows(IllegalArgumentException.class, () -> training.forward(new float[x.length - 1]));
        assertEquals(0, training.position());
    }

    /** How the parameters of a layer can change. */
    static Stream<Map.Entry<String, Consumer<Layer>>> changes() {
        Map<String, Consumer<Layer>> changes = new LinkedHashMap<>();
        changes.put("set", of -> of.parameters().set("bias_l0", new float[4 * HIDDEN]));
        changes.put("set to what it was", of -> of.parameters().set("bias_l0", of.parameters().get("bias_l0")));
        changes.put("copyFrom", of -> of.parameters().copyFrom(
                MemorySegment.ofArray(new byte[(int) of.parameters().buffer().byteSize()])));
        changes.put("changed", of -> of.parameters().changed());
        changes.put("initialize", of -> of.initialize(4));
        return changes.entrySet().stream();
    }

    @ParameterizedTest
    @MethodSource("changes")
    void parametersStayFromForwardToBackward(Map.Entry<String, Consumer<Layer>> change) {
        try (Training other = layer.training(Sequence.timeMajor(STEPS, BATCH))) {
            training.forward(x);
            other.forward(x);
            gradient(other);
            change.getValue().accept(layer);
            assertContains("were set after the latest one", refused(() -> training.backward(dy)));
            assertContains("were set after the latest one", refused(() -> other.backward(dy)));
            training.forward(x);
            training.backward(dy);
            assertContains("were set after the latest one", refused(() -> other.backward(dy)));
            other.gradient("weight_hh_l0");
        }
    }

    @Test
    void parametersThatAreLoadedAreOthers(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("layer.safetensors");
        layer.save(file);
        training.forward(x);
        training.backward(dy);
        layer.load(file);
        assertContains("were set after the latest one", refused(() -> training.backward(dy)));
    }

    @Test
    void thereAreNoGradientsBeforeBackward() {
        String sentence = "there are no gradients before a backward pass";
        assertEquals(sentence, refused(() -> training.gradient("weight_hh_l0")));
        assertEquals(sentence, refused(training::gradients));
        training.forward(x);
        assertEquals(sentence, refused(() -> training.gradient("weight_hh_l0")));
        assertThrows(IllegalArgumentException.class, () -> training.backward(new float[dy.length + 1]));
        assertEquals(sentence, refused(() -> training.gradient("weight_hh_l0")));
        float[] gradient = gradient(training);
        training.forward(x);
        assertArrayEquals(gradient, training.gradient("weight_hh_l0"));
    }

    /** One that is refused leaves what came before as it was: a forward pass, and what it goes backward to. */
    @Test
    void callsThatAreRefusedChangeNothing() {
        LayerSpec spec = LayerSpec.gru(INPUTS, HIDDEN).withZoneout(0.3).withDropconnect(0.3);
        try (Layer single = device.createLayer(spec).initialize(3);
                Training given = single.training(Sequence.timeMajor(STEPS, BATCH)); Arena arena = Arena.ofShared()) {
            given.setMask(MaskKind.ZONEOUT, ones(STEPS * BATCH * HIDDEN));
            given.setMask(MaskKind.DROPCONNECT, ones(3 * HIDDEN * HIDDEN));
            given.setLengths(new long[] {4, 1, 2});
            float[] y = given.forward(x);
            float[] gradient = gradient(given);
            MemorySegment otherX = MemorySegment.ofArray(Numbers.gaussian(x.length, 5));
            MemorySegment state = MemorySegment.ofArray(new float[BATCH * HIDDEN]);
            MemorySegment small = MemorySegment.ofArray(new float[1]);
            MemorySegment closed = closed();
            for (Runnable refused : new Runnable[] {
                () -> given.setMask(MaskKind.DROPCONNECT, new byte[1]),
                () -> given.setMask(MaskKind.DROPOUT, new byte[3 * HIDDEN * HIDDEN]),
                () -> given.setLengths(new long[] {1, 1, 5}),
                () -> given.setLengths(new long[] {1}),
                () -> given.setPosition(-1),
                () -> given.forward(otherX, small, null, null, null, null),
                () -> given.forward(otherX, null, state, null, null, null),
                () -> given.forward(otherX, null, null, small, null, null),
                () -> given.forward(otherX, null, null, null, state.asReadOnly(), null),
                () -> given.forward(otherX, null, null, null, null, state),
                () -> given.forward(otherX, closed, null, null, null, null),
                () -> given.forward(otherX, null, null, null, closed, null),
                () -> given.forward(otherX, confinedToAnotherThread(), null, null, null, null),
                () -> given.forward(small, null, null, null, null, null),
                () -> given.backward(small, null, null, null, null, null, null),
                () -> given.backward(null, null, null, small, null, null, null),
                () -> given.backward(null, null, state, null, null, null, null),
                () -> given.backward(null, null, null, null, null, closed, null),
                () -> given.backward(null, null, null, null, null, state.asReadOnly(), null),
            }) {
                assertThrows(RuntimeException.class, refused::run);
                assertArrayEquals(gradient, given.gradient("weight_hh_l0"));
                assertArrayEquals(gradient, gradient(given));
            }
            assertEquals(1, given.position());
            assertArrayEquals(y, given.forward(x));
        }
    }

    private static MemorySegment closed() {
        try (Arena arena = Arena.ofConfined()) {
            return arena.allocate(1 << 12);
        }
    }

    private static MemorySegment confinedToAnotherThread() {
        return CompletableFuture.supplyAsync(() -> Arena.ofConfined().allocate(1 << 12)).join();
    }

    @Test
    void outputsThatOverlapAreRefused() {
        float[] states = new float[2 * 2 * BATCH * HIDDEN];
        MemorySegment all = MemorySegment.ofArray(states);
        long bytes = all.byteSize() / 2;
        MemorySegment input = MemorySegment.ofArray(x);
        MemorySegment one = all.asSlice(0, bytes);
        MemorySegment shifted = all.asSlice(4, bytes);
        assertContains("hn and cn overlap", assertThrows(IllegalArgumentException.class,
                () -> training.forward(input, null, null, null, one, shifted)).getMessage());
        training.forward(input, null, null, null, one, all.asSlice(bytes));
        assertContains("dh0 and dc0 overlap", assertThrows(IllegalArgumentException.class,
                () -> training.backward(null, one, null, null, null, shifted, one)).getMessage());
        training.backward(null, shifted, shifted, null, null, one, all.asSlice(bytes));
    }

    @Test
    void backwardIsOfTheThreadOfItsForward() {
        training.forward(x);
        inAnotherThread(() -> assertContains("threads that train at the same time need a training each",
                refused(() -> training.backward(dy))));
        float[] gradient = gradient(training);
        // Who has none of its own may read them.
        inAnotherThread(() -> assertArrayEquals(gradient, training.gradient("weight_hh_l0")));
        inAnotherThread(() -> {
            training.forward(x);
            training.backward(dy);
        });
        assertContains("another thread's backward pass has replaced the gradients",
                refused(() -> training.gradient("weight_hh_l0")));
        assertContains("another thread's backward pass has replaced the gradients", refused(training::gradients));
        refused(() -> training.backward(dy));
    }

    private static void inAnotherThread(Runnable work) {
        try {
            CompletableFuture.runAsync(work, task -> new Thread(task).start()).join();
        } catch (CompletionException e) {
            throw new AssertionError(e.getCause());
        }
    }

    /** Each gradient that anybody gets is that of their own input. */
    @Test
    void twoThreadsGetTheirOwnGradientsOrNone() {
        LayerSpec spec = LayerSpec.lstm(INPUTS, HIDDEN);
        try (Layer plain = device.createLayer(spec).initialize(3);
                Training shared = plain.training(Sequence.timeMajor(STEPS, BATCH))) {
            int[] right = new int[2];
            CompletableFuture<?>[] threads = new CompletableFuture<?>[2];
            float[][] expected = new float[2][];
            for (int i = 0; i < 2; i++) {
                shared.forward(Numbers.gaussian(x.length, i));
                expected[i] = gradient(shared);
            }
            for (int i = 0; i < 2; i++) {
                int thread = i;
                threads[i] = CompletableFuture.runAsync(() -> {
                    float[] input = Numbers.gaussian(x.length, thread);
                    for (int round = 0; round < 100; round++) {
                        try {
                            shared.forward(input);
                            assertArrayEquals(expected[thread], gradient(shared));
                            right[thread]++;
                        } catch (IllegalStateException e) {
                            assertContains("threads that train at the same time", e.getMessage());
                        }
                    }
                }, task -> new Thread(task).start());
            }
            CompletableFuture.allOf(threads).join();
            assertTrue(right[0] + right[1] > 0);
        }
    }

    @Test
    void aLayerIsUsedWhenAllItsParametersAreSet(@TempDir Path directory) {
        try (Layer fresh = device.createLayer(LayerSpec.gru(INPUTS, HIDDEN));
                Training untrained = fresh.training(Sequence.timeMajor(STEPS, BATCH));
                Streaming streaming = fresh.streaming(1)) {
            Path file = directory.resolve("layer.safetensors");
            assertContains("has no parameters yet", refused(() -> fresh.forward(x, STEPS, BATCH)));
            for (String name : fresh.parameters().names()) {
                for (Runnable use : new Runnable[] {
                    () -> fresh.forward(x, STEPS, BATCH),
                    () -> untrained.forward(x),
                    () -> streaming.step(new float[INPUTS]),
                    () -> save(fresh, file),
                }) {
                    refused(use);
                }
                assertFalse(file.toFile().exists());
                fresh.parameters().set(name, new float[(int) fresh.parameters().describe(name).elements()]);
                if (name.equals("bias_hh_l0")) {
                    assertContains("never set: layernorm_i_l0.weight, layernorm_h_l0.weight",
                            refused(() -> fresh.forward(x, STEPS, BATCH)));
                }
            }
            fresh.forward(x, STEPS, BATCH);
            untrained.forward(x);
            streaming.step(new float[INPUTS]);
        }
    }

    private static void save(Layer layer, Path file) {
        try {
            layer.save(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
