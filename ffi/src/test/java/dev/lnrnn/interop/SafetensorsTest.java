package dev.lnrnn.interop;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.ChildJvm;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
    private static final String F32 = "\"dtype\":\"F32\",";
    private static final String EMPTY = "{" + F32 + "\"shape\":[0],\"data_offsets\":[0,0]}";

    @TempDir
    private Path directory;

    @Test
    void whatIsWrittenIsRead() throws IOException {
        Path file = directory.resolve("file.safetensors");
        String odd = "ünï \"quoted\" \\ \n";
        Safetensors.write(file, Map.of("key", odd), List.of(
                Tensor.f32("floats", new long[] {2, 2}, new float[] {1, -2, Float.NaN, 4}),
                Tensor.f64(odd, new long[] {1}, new double[] {Math.PI}),
                Tensor.i64("longs", new long[] {2}, new long[] {Long.MIN_VALUE, 7}),
                Tensor.f32("scalar", new long[0], new float[] {5}),
                Tensor.f32("empty", new long[] {3, 0}, new float[0])));
        try (Safetensors read = Safetensors.read(file)) {
            assertEquals(Map.of("key", odd), read.metadata());
            assertEquals(List.of("floats", odd, "longs", "scalar", "empty"), List.copyOf(read.tensors().keySet()));
            assertEquals(List.of(2L, 2L), read.tensors().get("floats").shape());
            assertArrayEquals(new float[] {1, -2, Float.NaN, 4}, read.floats("floats"));
            assertArrayEquals(new double[] {1, -2, Double.NaN, 4}, read.doubles("floats"));
            assertArrayEquals(new double[] {Math.PI}, read.doubles(odd));
            assertArrayEquals(new long[] {Long.MIN_VALUE, 7}, read.longs("longs"));
            assertArrayEquals(new float[] {5}, read.floats("scalar"));
            assertEquals(List.of(), read.tensors().get("scalar").shape());
            assertArrayEquals(new float[0], read.floats("empty"));
            assertEquals(0, read.data("floats").address() % 64);
            assertTrue(read.data("floats").isReadOnly());
        }
    }

    @Test
    void oneFileIsLeftAndReplaced() throws IOException {
        Path file = directory.resolve("file.safetensors");
        Safetensors.write(file, Map.of(), List.of(Tensor.f32("a", new long[] {1}, new float[] {1})));
        Safetensors.write(file, Map.of(), List.of(Tensor.f32("a", new long[] {1}, new float[] {2})));
        try (Safetensors read = Safetensors.read(file);
                Stream<Path> files = Files.list(directory)) {
            assertArrayEquals(new float[] {2}, read.floats("a"));
            assertEquals(List.of(file), files.toList());
        }
    }

    @Test
    void failedWriteLeavesWhatWasThere() throws IOException {
        Path target = Files.createDirectories(directory.resolve("taken").resolve("inside")).getParent();
        assertThrows(IOException.class, () -> Safetensors.write(target, Map.of(), List.of()));
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(target), files.toList());
        }
    }

    @Test
    void smallTypesAreWidened() throws IOException {
        byte[] data = {0, 0x3C, (byte) 0x80, 0x3F, 1, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF};
        Safetensors read = Safetensors.read(file(
                "{\"h\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]},"
                        + "\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[2,4]},"
                        + "\"t\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[4,5]},"
                        + "\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[5,6]},"
                        + "\"i\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[6,10]}}",
                data));
        assertArrayEquals(new float[] {1}, read.floats("h"));
        assertArrayEquals(new float[] {1}, read.floats("b"));
        assertArrayEquals(new long[] {1}, read.longs("t"));
        assertArrayEquals(new float[] {255}, read.floats("u"));
        assertArrayEquals(new double[] {-1}, read.doubles("i"));
        assertArrayEquals(new long[] {-1}, read.longs("i"));
        assertRefused("tensor \"i\" is I32, which does not fit into float", () -> read.floats("i"));
        assertRefused("tensor \"h\" is F16, which does not fit into long", () -> read.longs("h"));
        assertRefused("there is no tensor \"x\"", () -> read.floats("x"));
    }

    @Test
    void closedFileIsRefused() throws IOException {
        Path file = directory.resolve("file.safetensors");
        Safetensors.write(file, Map.of(), List.of(Tensor.f32("a", new long[] {1}, new float[] {1})));
        Safetensors read = Safetensors.read(file);
        MemorySegment data = read.data("a");
        read.close();
        read.close();
        assertEquals("this Safetensors is closed",
                assertThrows(IllegalStateException.class, () -> read.floats("a")).getMessage());
        assertThrows(IllegalStateException.class, () -> data.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void writerRefusesWhatItCouldNotRead() {
        Tensor one = Tensor.f32("a", new long[] {1}, new float[] {1});
        Path file = directory.resolve("file.safetensors");
        assertRefused("two tensors have the name \"a\"",
                () -> Safetensors.write(file, Map.of(), List.of(one, one)));
        Tensor reserved = Tensor.f32("__metadata__", new long[] {1}, new float[] {1});
        assertRefused("cannot have the name", () -> Safetensors.write(file, Map.of(), List.of(reserved)));
        assertRefused("needs 8", () -> Tensor.f32("a", new long[] {2}, new float[] {1}));
        assertRefused("negative", () -> Tensor.f32("a", new long[] {-1, -1}, new float[] {1}));
        assertRefused("exceeds 64 bits", () -> Tensor.f32("a", new long[] {1L << 62, 4}, new float[0]));
    }

    /** F5: refused before the old file is touched. */
    @Test
    void whatCouldNotBeReadIsNotWritten() throws IOException {
        Path file = directory.resolve("file.safetensors");
        Tensor good = Tensor.f32("a", new long[] {1}, new float[] {1});
        Safetensors.write(file, Map.of("k", "v"), List.of(good));
        byte[] before = Files.readAllBytes(file);
        long[] ones = new long[65];
        Arrays.fill(ones, 1);
        Map<String, String> many = new HashMap<>();
        for (int i = 0; i <= 1 << 16; i++) {
            many.put(Integer.toString(i), "");
        }
        for (Executable write : List.<Executable>of(
                () -> Safetensors.write(file, Collections.singletonMap("k", null), List.of(good)),
                () -> Safetensors.write(file, Collections.singletonMap(null, "v"), List.of(good)),
                () -> Safetensors.write(file, Map.of("k", "\uD800"), List.of(good)),
                () -> Safetensors.write(file, Map.of("\uDC00k", "v"), List.of(good)),
                () -> Safetensors.write(file, Map.of("k", "v".repeat(1 << 25)), List.of(good)),
                () -> Safetensors.write(file, many, List.of(good)),
                () -> Safetensors.write(file, Map.of(), Collections.singletonList(null)),
                () -> Safetensors.write(file, Map.of(), List.of(Tensor.f32("a", ones, new float[1]))),
                () -> Safetensors.write(file, Map.of(), List.of(Tensor.f32("x\uD83D", new long[0], new float[1]))),
                () -> Safetensors.write(file, Map.of(), List.of(good, good)))) {
            String message = assertThrows(RuntimeException.class, write).getMessage();
            assertTrue(message.length() < 300, message);
            assertArrayEquals(before, Files.readAllBytes(file));
        }
    }

    @Test
    void whatIsLongIsWrittenAndRead() throws IOException {
        Path file = directory.resolve("file.safetensors");
        String name = "n".repeat(1 << 20);
        long[] ones = new long[64];
        Arrays.fill(ones, 1);
        Safetensors.write(file, Map.of(name, name), List.of(Tensor.f32(name, ones, new float[] {3})));
        try (Safetensors read = Safetensors.read(file)) {
            assertEquals(Map.of(name, name), read.metadata());
            assertArrayEquals(new float[] {3}, read.floats(name));
            assertEquals(64, read.tensors().get(name).shape().size());
            String message = assertThrows(IllegalArgumentException.class, () -> read.floats(name + "x")).getMessage();
            assertTrue(message.length() < 300, message);
        }
    }

    /** F1: names of one hash fill the table that Jackson's parsers share. */
    @Test
    void noFileSpoilsAnother() throws IOException {
        for (int round = 0; round < 2; round++) {
            StringBuilder header = new StringBuilder("{");
            for (int i = 0; i < 512; i++) {
                StringBuilder name = new StringBuilder(round == 0 ? "" : "x");
                for (int bit = 0; bit < 9; bit++) {
                    name.append((i >> bit & 1) == 0 ? "Aa" : "B@");
                }
                header.append(i == 0 ? "\"" : ",\"").append(name).append("\":").append(EMPTY);
            }
            assertEquals(512, Safetensors.read(file(header + "}", new byte[0])).tensors().size());
        }
        for (int i = 0; i < 32; i++) {
            String names = "{\"good " + i + "\":" + EMPTY + ",\"AaAaAaAaAaAaAaAaA" + i + "\":" + EMPTY + "}";
            assertEquals(2, Safetensors.read(file(names, new byte[0])).tensors().size());
        }
    }

    /** F7: in a heap of 192 MB; the largest that are read, and a larger one that only has to be refused. */
    @ParameterizedTest
    @CsvSource({"99000000, false", "33554432, true"})
    void aLargeHeaderIsReadOrRefusedInBoundedMemory(int headerBytes, boolean read) throws Exception {
        String entry = "\"%08x\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
        StringBuilder text = new StringBuilder(headerBytes).append('{');
        for (int i = 0; text.length() < headerBytes - 80 && (!read || i < 1 << 18); i++) {
            text.append(i == 0 ? "" : ",").append(String.format(entry, i));
        }
        text.append('}').append(" ".repeat(headerBytes - text.length()));
        Path file = Files.write(directory.resolve("large"), file(text.toString(), new byte[0]));
        long start = System.nanoTime();
        ChildJvm child = ChildJvm.run(Duration.ofSeconds(60), List.of("-Xmx192m", "-cp", ChildJvm.classPath(),
                Reader.class.getName(), file.toString()));
        assertEquals(0, child.exitCode(), child.output());
        assertEquals(read ? (1 << 18) + " tensors\n" : file + ": the header has 99000000 bytes, more than the limit of "
                + "33554432\n", child.output());
        assertTrue(System.nanoTime() - start < Duration.ofSeconds(30).toNanos());
    }

    /** The program of {@link #aLargeHeaderIsReadOrRefusedInBoundedMemory}. */
    static final class Reader {
        public static void main(String[] arguments) throws IOException {
            try (Safetensors file = Safetensors.read(Path.of(arguments[0]))) {
                System.out.println(file.tensors().size() + " tensors");
            } catch (SafetensorsException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    /** Names of a file in messages cut short, on one line. */
    @Test
    void hostileNamesDoNotFloodMessages() {
        String name = "\\u001b[2J\\n" + "x".repeat(100_000);
        assertMalformed("x...\" is not an object", "{\"" + name + "\":1}", 0);
        assertMalformed("tensor \"\\u001B[2J\\u000Axx", "{\"" + name + "\":1}", 0);
        assertMalformed("Unrecognized token 'jj\\u009B'", "{\"a\":jj\u009b}", 0);
        assertMalformed("surrogate pair", "{\"\\uD800\":" + EMPTY + "}", 0);
        assertMalformed("surrogate pair", "{\"__metadata__\":{\"k\":\"\\uDC00\"}}", 0);
        assertMalformed("Duplicate field '__metadata__'", "{\"__metadata__\":{},\"__metadata__\":{}}", 0);
        assertMalformed("Duplicate field 'k'", "{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}", 0);
        assertMalformed("more than 65536 entries", "{\"__metadata__\":{" + IntStream.rangeClosed(0, 1 << 16)
                .mapToObj(i -> "\"" + i + "\":\"\"").collect(Collectors.joining(",")) + "}}", 0);
    }

    @Test
    void pipesAreRefused() throws IOException, InterruptedException {
        Path pipe = directory.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        for (Path file : List.of(pipe, directory, Path.of("/dev/zero"))) {
            String message = assertTimeoutPreemptively(Duration.ofSeconds(10),
                    () -> assertThrows(IOException.class, () -> Safetensors.read(file))).getMessage();
            assertEquals(file + ": is not a regular file", message);
        }
    }

    @Test
    void missingFileIsSaidSo() {
        assertThrows(NoSuchFileException.class, () -> Safetensors.read(directory.resolve("none")));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7})
    void fileWithoutLengthIsRefused(int bytes) throws IOException {
        Path file = Files.write(directory.resolve("short"), new byte[bytes]);
        String message = assertThrows(SafetensorsException.class, () -> Safetensors.read(file)).getMessage();
        assertEquals(file + ": the file has " + bytes + " bytes, too few for a header", message);
    }

    @ParameterizedTest
    @CsvSource({"100000000000, more than the allowed", "-1, more than the allowed", "100000000, the whole file only",
        "17, the whole file only", "0, begin with '{'"})
    void wrongHeaderLengthIsRefused(long length, String message) {
        byte[] file = new byte[24];
        ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        assertMalformed(message, file);
    }

    @Test
    void malformedHeadersAreRefused() {
        assertMalformed("begin with '{'", " {}", 0);
        assertMalformed("begin with '{'", "[]", 0);
        assertMalformed("not valid JSON", "{", 0);
        assertMalformed("not valid JSON", "{\"a\":}", 0);
        assertMalformed("not valid JSON", "{} x", 0);
        assertMalformed("continues after", "{}{}", 0);
        assertMalformed("bytes after the last tensor", "{}", 1);
        assertMalformed("is not an object", "{\"a\":1}", 0);
        assertMalformed("__metadata__.k is not a string", "{\"__metadata__\":{\"k\":1}}", 0);
        assertMalformed("needs dtype, shape and two data_offsets", "{\"a\":{}}", 0);
        assertMalformed("needs dtype, shape and two data_offsets", tensor(F32 + "\"data_offsets\":[0,4]"), 4);
        assertMalformed("needs dtype", tensor(F32 + "\"shape\":[1],\"data_offsets\":[0]"), 4);
        assertMalformed("more than 2 numbers", tensor(F32 + "\"shape\":[1],\"data_offsets\":[0,4,4]"), 4);
        assertMalformed("unknown key \"x\"", tensor("\"x\":1"), 0);
        assertMalformed("\"F31\", which is unknown", tensor("\"dtype\":\"F31\""), 0);
        assertMalformed("Duplicate field 'a'", "{\"a\":{},\"a\":{}}".replace("{}", EMPTY), 0);
        assertMalformed("Duplicate field 'dtype'", tensor(F32 + F32 + "\"shape\":[1],\"data_offsets\":[0,4]"), 4);
    }

    @Test
    void wrongSizesAreRefused() {
        assertMalformed("outside of the 4 bytes", placed("[1]", "[4,8]"), 4);
        assertMalformed("outside of the 4 bytes", placed("[1]", "[4,0]"), 4);
        assertMalformed("is negative", placed("[1]", "[-4,0]"), 4);
        assertMalformed("is negative", placed("[-1]", "[0,4]"), 4);
        assertMalformed("something else than integers", placed("[1.0]", "[0,4]"), 4);
        assertMalformed("out of range of long", placed("[1]", "[0,18446744073709551616]"), 4);
        assertMalformed("needs 8", placed("[2]", "[0,4]"), 4);
        assertMalformed("exceeds 64 bits", placed("[4611686018427387905,4]", "[0,4]"), 4);
        assertMalformed("exceeds 64 bits", placed("[4611686018427387904]", "[0,0]"), 0);
        assertMalformed("more than 64 numbers", placed("[1" + ",1".repeat(64) + "]", "[0,4]"), 4);
        assertMalformed("bytes after the last tensor", placed("[1]", "[0,4]"), 5);
        assertMalformed("with a gap after", placed("[1]", "[4,8]"), 8);
        String two = "{\"a\":{" + F32 + "\"shape\":[2],\"data_offsets\":[0,8]},"
                + "\"b\":{" + F32 + "\"shape\":[1],\"data_offsets\":[4,8]}}";
        assertMalformed("\"b\" begins at 4, inside", two, 8);
    }

    @Test
    void headerThatIsNotUtf8IsRefused() {
        byte[] file = file("{\"__metadata__\":{\"k\":\"?\"}}", new byte[0]);
        for (int i = 0; i < file.length; i++) {
            if (file[i] == '?') {
                file[i] = (byte) 0xFF;
            }
        }
        assertMalformed("not UTF-8", file);
    }

    private static String tensor(String content) {
        return "{\"a\":{" + content + "}}";
    }

    private static String placed(String shape, String offsets) {
        return tensor(F32 + "\"shape\":" + shape + ",\"data_offsets\":" + offsets);
    }

    private static byte[] file(String header, byte[] data) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + text.length + data.length).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(text.length).put(text).put(data).array();
    }

    private static void assertMalformed(String message, String header, int dataBytes) {
        assertMalformed(message, file(header, new byte[dataBytes]));
    }

    private static void assertMalformed(String message, byte[] file) {
        String actual = assertThrows(SafetensorsException.class, () -> Safetensors.read(file)).getMessage();
        assertTrue(actual.contains(message), actual);
        assertTrue(actual.length() < 500 && actual.chars().noneMatch(Character::isISOControl), actual);
    }

    private static void assertRefused(String message, Executable code) {
        String actual = assertThrows(IllegalArgumentException.class, code).getMessage();
        assertTrue(actual.contains(message), actual);
    }
}
