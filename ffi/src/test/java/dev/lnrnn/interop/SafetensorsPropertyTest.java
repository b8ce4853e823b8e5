package dev.lnrnn.interop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.NotEmpty;
import net.jqwik.api.constraints.Size;

/** Whatever the bytes: a file is read whole, or refused with a SafetensorsException. */
class SafetensorsPropertyTest {
    private final byte[] valid;

    /** One file for all tries: writing waits for the disk. */
    SafetensorsPropertyTest() throws IOException {
        valid = bytes(List.of(Tensor.f32("weight", new long[] {2, 3}, new float[6]),
                Tensor.i64("lengths", new long[] {2}, new long[] {1, 2})));
    }

    @Property(tries = 2000)
    void randomBytesAreRefusedOrRead(@ForAll byte[] bytes) {
        readAll(bytes);
    }

    @Property(tries = 2000)
    void randomHeadersAreRefusedOrRead(@ForAll("headers") String header, @ForAll @IntRange(max = 16) int dataBytes) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        readAll(ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length).put(text).array());
    }

    @Property(tries = 2000)
    void damagedFilesAreRefusedOrRead(@ForAll @NotEmpty @Size(max = 8) List<@IntRange(max = 1 << 20) Integer> places,
            @ForAll byte value) {
        byte[] file = valid.clone();
        for (int place : places) {
            file[place % file.length] = value;
        }
        readAll(file);
    }

    @Property(tries = 300)
    void truncatedFilesAreRefused(@ForAll @IntRange(max = 1 << 20) int length) {
        byte[] part = Arrays.copyOf(valid, length % valid.length);
        assertFalse(readAll(part));
    }

    @Property(tries = 200)
    void everyArrayComesBack(@ForAll @Size(max = 5) List<float[]> arrays) throws IOException {
        List<Tensor> tensors = new ArrayList<>();
        for (int i = 0; i < arrays.size(); i++) {
            tensors.add(Tensor.f32("tensor " + i, new long[] {arrays.get(i).length}, arrays.get(i)));
        }
        Safetensors read = Safetensors.read(bytes(tensors));
        for (int i = 0; i < arrays.size(); i++) {
            assertArrayEquals(arrays.get(i), read.floats("tensor " + i));
        }
    }

    /** Any characters, also halves of pairs: what is written is what is read, or the old file stays. */
    @Property(tries = 150)
    void whatIsWrittenIsReadOrNothingIsWritten(@ForAll @Size(max = 4) Map<String, String> metadata,
            @ForAll @Size(max = 4) List<String> names, @ForAll @Size(max = 3) List<@IntRange(max = 2) Integer> extents)
            throws IOException {
        long[] shape = extents.stream().mapToLong(Integer::longValue).toArray();
        float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
        List<Tensor> tensors = names.stream().map(name -> Tensor.f32(name, shape, values)).toList();
        Path file = Files.createTempFile("lnrnn", ".safetensors");
        try {
            byte[] before = Files.readAllBytes(file);
            try {
                Safetensors.write(file, metadata, tensors);
            } catch (IllegalArgumentException e) {
                assertArrayEquals(before, Files.readAllBytes(file));
                return;
            }
            try (Safetensors read = Safetensors.read(file)) {
                assertEquals(metadata, read.metadata());
                assertEquals(names, List.copyOf(read.tensors().keySet()));
                for (String name : names) {
                    assertArrayEquals(values, read.floats(name));
                    assertTrue(read.tensors().get(name).hasShape(shape));
                }
            }
        } finally {
            Files.delete(file);
        }
    }

    /** Pieces of headers in any order: nearly right far more often than random text is. */
    @Provide
    Arbitrary<String> headers() {
        Arbitrary<String> pieces = Arbitraries.of("{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"dtype\"",
                "\"F32\"",
                "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "0", "4", "-1", "1e3", "9223372036854775807",
                "99999999999999999999", "null", "true", "\"\\uD800\"",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
                "\"b\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[4,8]}");
        return pieces.list().ofMaxSize(12).map(list -> "{" + String.join("", list));
    }

    private static boolean readAll(byte[] bytes) {
        try {
            Safetensors file = Safetensors.read(bytes);
            long total = 0;
            for (Map.Entry<String, TensorInfo> entry : file.tensors().entrySet()) {
                total += file.data(entry.getKey()).byteSize();
                assertEquals(entry.getValue().byteSize(), file.data(entry.getKey()).byteSize());
            }
            long header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
            assertEquals(bytes.length, 8 + header + total);
            return true;
        } catch (SafetensorsException e) {
            return false;
        }
    }

    private static byte[] bytes(List<Tensor> tensors) throws IOException {
        Path file = Files.createTempFile("lnrnn", ".safetensors");
        try {
            Safetensors.write(file, Map.of("k", "v"), tensors);
            return Files.readAllBytes(file);
        } finally {
            Files.delete(file);
        }
    }
}
