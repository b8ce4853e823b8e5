package dev.lnrnn.bench.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lnrnn.bench.CommandRun;
import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.bench.Fuzz;
import dev.lnrnn.interop.Safetensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Cases that are changed at random hold their own reference, are out of its bounds, or are refused with a sentence. */
class CaseFuzzTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> VALUES = List.of("0", "1", "2", "3", "7", "-1", "1.5", "NaN", "1e-5f", "true",
            "false",
            "lstm", "gru", "indrnn", "none", "haste", "paper", "carry", "cell", "joint", "forward", "bidirectional", "",
            "0.25", "1.0", "1e-40", "1e300", "1000000000", "9223372036854775807", "99999999999999999999", "\u0667");
    private static final List<String> TYPES =
            List.of("F64", "F32", "F16", "BF16", "I64", "U64", "I32", "U8", "BOOL", "F128");
    private static final Map<String, Integer> BYTES =
            Map.of("F64", 8, "I64", 8, "U64", 8, "F32", 4, "I32", 4, "F16", 2, "BF16", 2);
    private static final List<String> DTYPES = List.of("f64", "f32", "bf16", "f16");

    @TempDir
    private Path directory;

    @Test
    void aChangedCaseIsComputedRightOrRefused() throws IOException {
        Path file = directory.resolve("case.safetensors");
        Path result = directory.resolve("result.safetensors");
        List<byte[]> cases;
        try (Stream<Path> files = Files.list(Path.of("..", "ffi", "src", "test", "resources", "cases"))) {
            cases = files.filter(path -> path.toString().endsWith(".safetensors")).sorted().map(CaseFuzzTest::bytes)
                    .filter(bytes -> bytes.length < 200_000).toList();
        }
        int[] statuses = new int[4];
        Fuzz.run("cases", random -> {
            Files.write(file, changed(cases.get(random.nextInt(cases.size())), random));
            Files.deleteIfExists(result);
            CommandRun run = CommandRun.of("parity", file.toString(), "--device", "cpu", "--check", "--dtype",
                    DTYPES.get(random.nextInt(DTYPES.size())), "--out", result.toString());
            String output = run.out() + run.err();
            assertFalse(output.contains("\tat "), output);
            assertTrue(run.exitCode() >= 0 && run.exitCode() < statuses.length, output);
            statuses[run.exitCode()]++;
            if (run.exitCode() == ExitCode.OK) {
                assertEquals("", run.err());
                assertFinite(result);
            } else {
                assertTrue(run.exitCode() == ExitCode.BAD_RESULT && run.out().contains("out of bounds")
                        || !run.err().isBlank() && run.err().lines().count() == 1, output);
            }
        });
        System.out.println("cases: " + Arrays.toString(statuses) + " by exit status");
    }

    private static void assertFinite(Path result) throws IOException {
        try (Safetensors tensors = Safetensors.read(result)) {
            for (String name : tensors.tensors().keySet()) {
                assertTrue(Arrays.stream(tensors.doubles(name)).allMatch(Double::isFinite), name);
            }
        }
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] changed(byte[] file, Random random) throws IOException {
        int headerBytes = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        ObjectNode header = (ObjectNode) JSON.readTree(file, Long.BYTES, headerBytes);
        byte[] data = Arrays.copyOfRange(file, Long.BYTES + headerBytes, file.length);
        for (int change = random.nextInt(3); change >= 0; change--) {
            if (random.nextInt(5) == 0 && data.length >= Double.BYTES) {
                double value =
                        List.of(Double.NaN, Double.POSITIVE_INFINITY, 1e300, 1e5, -0.5, 0.0).get(random.nextInt(6));
                ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN)
                        .putDouble(random.nextInt(data.length / Double.BYTES) * Double.BYTES, value);
            } else {
                change(header, random);
            }
        }
        if (random.nextInt(6) > 0) {
            data = laidOut(header, data);
        }
        byte[] json = JSON.writeValueAsBytes(header);
        byte[] changed = ByteBuffer.allocate(Long.BYTES + json.length + data.length).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length).put(json).put(data).array();
        if (random.nextInt(10) == 0) {
            changed[random.nextInt(Math.min(changed.length, Long.BYTES + json.length))] = (byte) random.nextInt(256);
        }
        return random.nextInt(20) == 0 ? Arrays.copyOf(changed, random.nextInt(changed.length)) : changed;
    }

    /** So that the file is one, whatever the case: data as long as its type and shape say, and no gaps. */
    private static byte[] laidOut(ObjectNode header, byte[] data) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (Map.Entry<String, JsonNode> entry : header.properties()) {
            if (entry.getKey().equals("__metadata__")) {
                continue;
            }
            ArrayNode offsets = (ArrayNode) entry.getValue().get("data_offsets");
            int from = offsets.get(0).asInt();
            long bytes = BYTES.getOrDefault(entry.getValue().get("dtype").asText(), 1);
            for (JsonNode extent : entry.getValue().get("shape")) {
                bytes *= Math.max(0, extent.asLong());
            }
            int begin = out.size();
            out.writeBytes(Arrays.copyOfRange(data, from, from + (int) Math.min(bytes, 1 << 20)));
            offsets.removeAll().add(begin).add(out.size());
        }
        return out.toByteArray();
    }

    private static String pick(JsonNode node, Random random) {
        List<String> names = StreamSupport.stream(((Iterable<String>) node::fieldNames).spliterator(), false).toList();
        return names.get(random.nextInt(names.size()));
    }

    private static void change(ObjectNode header, Random random) {
        ObjectNode metadata = (ObjectNode) header.get("__metadata__");
        if (random.nextInt(3) == 0 && !metadata.isEmpty()) {
            String key = pick(metadata, random);
            if (random.nextInt(5) == 0) {
                metadata.remove(key);
            } else {
                metadata.put(random.nextInt(10) == 0 ? key + "2" : key, VALUES.get(random.nextInt(VALUES.size())));
            }
            return;
        }
        String name = pick(header, random);
        if (name.equals("__metadata__")) {
            return;
        }
        ObjectNode tensor = (ObjectNode) header.get(name);
        ArrayNode shape = (ArrayNode) tensor.get("shape");
        ArrayNode offsets = (ArrayNode) tensor.get("data_offsets");
        switch (random.nextInt(7)) {
            case 0 -> header.remove(name);
            case 1 -> header.set(random.nextBoolean() ? name + "0" : pick(header, random), header.remove(name));
            case 2 -> tensor.put("dtype", TYPES.get(random.nextInt(TYPES.size())));
            // As many elements in another shape.
            case 3 -> {
                long elements = 1;
                for (JsonNode extent : shape) {
                    elements *= extent.asLong();
                }
                shape.removeAll().add(elements);
            }
            case 4 -> shape.add(1);
            case 5 -> shape.insert(0, random.nextInt(-1, 3));
            // No elements at all.
            default -> {
                shape.removeAll().add(0);
                offsets.set(1, offsets.get(0));
            }
        }
    }
}
