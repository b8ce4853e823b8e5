package dev.lnrnn.interop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.FuzzRun;
import dev.lnrnn.LayerSpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Damaged files are read as something consistent or refused in one line, soon, and spoil no other file. */
class SafetensorsFuzzTest {
    private static final Duration SOON = Duration.ofSeconds(5);
    /** Writing syncs the disk: not every time. */
    private static final int WRITTEN_EVERY = 200;

    @TempDir
    private Path directory;

    @Test
    void damagedFilesAreReadOrRefused() throws IOException {
        List<byte[]> files = files();
        int[] outcomes = new int[2];
        FuzzRun.repeat("safetensors", 3, (random, call) -> {
            byte[] file = new FileMutator(random, files).next();
            long start = System.nanoTime();
            outcomes[isRead(file, random) ? 1 : 0]++;
            assertTrue(System.nanoTime() - start < SOON.toNanos());
            assertEquals(6, Safetensors.read(files.getFirst()).floats("weight").length);
        });
        System.out.printf("safetensors: %d refused, %d read%n", outcomes[0], outcomes[1]);
        assertTrue(outcomes[0] > 0 && outcomes[1] > 0);
    }

    private boolean isRead(byte[] bytes, Random random) throws IOException {
        Safetensors file;
        try {
            file = Safetensors.read(bytes);
        } catch (SafetensorsException e) {
            assertTrue(e.getMessage().length() < 800, e.getMessage());
            assertFalse(e.getMessage().chars().anyMatch(Character::isISOControl), e.getMessage());
            return false;
        }
        long total = 0;
        List<Tensor> tensors = new ArrayList<>();
        for (Map.Entry<String, TensorInfo> entry : file.tensors().entrySet()) {
            String name = entry.getKey();
            TensorInfo info = entry.getValue();
            assertEquals(info.elements(), info.shape().stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b));
            if (info.type().fitsDouble()) {
                assertEquals(info.elements(), file.doubles(name).length);
            }
            total += info.byteSize();
            long[] shape = info.shape().stream().mapToLong(Long::longValue).toArray();
            tensors.add(new Tensor(name, info.type(), shape, file.data(name)));
        }
        assertEquals(bytes.length,
                Long.BYTES + ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong() + total);
        if (random.nextInt(WRITTEN_EVERY) == 0) {
            Path written = directory.resolve("written");
            Safetensors.write(written, file.metadata(), tensors);
            try (Safetensors read = Safetensors.read(written)) {
                assertEquals(file.metadata(), read.metadata());
                assertEquals(List.copyOf(file.tensors().keySet()), List.copyOf(read.tensors().keySet()));
                for (Tensor tensor : tensors) {
                    assertEquals(-1, tensor.data().mismatch(read.data(tensor.name())));
                }
            }
        }
        return true;
    }

    private List<byte[]> files() throws IOException {
        return List.of(
                bytes(Map.of("k", "v"), List.of(Tensor.f32("weight", new long[] {2, 3}, new float[6]),
                        Tensor.i64("lengths", new long[] {2}, new long[] {1, 2}))),
                bytes(LayerSpec.gru(1, 1).toMetadata(), List.of(
                        Tensor.f64("\u00e4\ud83d\ude00", new long[0], new double[1]),
                        Tensor.f32("empty", new long[] {3, 0, 2}, new float[0]))),
                bytes(Map.of(), List.of()),
                collidingNames());
    }

    /** Names that spoil tables which are shared between parsers. */
    private static byte[] collidingNames() {
        StringBuilder header = new StringBuilder("{");
        for (int i = 0; i < 200; i++) {
            StringBuilder name = new StringBuilder();
            for (int bit = 0; bit < 8; bit++) {
                name.append((i >> bit & 1) == 0 ? "Aa" : "B@");
            }
            header.append(i == 0 ? "\"" : ",\"").append(name)
                    .append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
        }
        byte[] text = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Long.BYTES + text.length).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length).put(text).array();
    }

    private byte[] bytes(Map<String, String> metadata, List<Tensor> tensors) throws IOException {
        Path file = directory.resolve("good");
        Safetensors.write(file, metadata, tensors);
        return Files.readAllBytes(file);
    }
}
