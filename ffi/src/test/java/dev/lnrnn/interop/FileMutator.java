package dev.lnrnn.interop;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Makes nearly good safetensors files of good ones: by their bytes, and by the words of their headers. */
public final class FileMutator {
    private static final Pattern WORD = Pattern.compile("\"(?:[^\"\\\\]++|\\\\.)*+\"|-?\\d+|[\\[\\]{}:,]");
    private static final String[] WORDS = {"0", "1", "-1", "-0", "4", "64", "65", "1e3", "1.0", "01", "2147483648",
        "4294967296", "9007199254740993", "4611686018427387904", "9223372036854775807", "9223372036854775808",
        "18446744073709551615", "9".repeat(400), "9".repeat(1500), "NaN", "null", "true", "{", "}", "[", "]", ",", ":",
        "[[[[", "{\"a\":", "[".repeat(2000), "{\"a\":".repeat(1200), "{}", "[]", "\"\"", "\"dtype\"", "\"shape\"",
        "\"data_offsets\"", "\"__metadata__\"", "\"F32\"", "\"F64\"", "\"F16\"", "\"BF16\"", "\"I8\"", "\"f32\"",
        "\"F8_E4M3\"", "\"\\uD800\"", "\"\\uDC00\\uD800\"", "\"\\uD83D\\uDE00\"", "\"\\u0000\"", "\"\u0001\"", "\"\n\"",
        "\"\u00e4\"", "'a'", "//", "/**/", "\ufeff", " ", "\t\r\n", "\0", "\"format\"", "\"lnrnn\"", "\"epsilon\"",
        "\"" + "n".repeat(60_000) + "\"", "\"layers\"", "\"1024\"", "\"1099511627776\"", "\"-1\"", "\"0x1p-3\""};

    private final Random random;
    private final List<byte[]> good;

    /** Of these files, in this order of chances. */
    public FileMutator(Random random, List<byte[]> good) {
        this.random = random;
        this.good = good;
    }

    /** Another file, hardly ever a good one. */
    public byte[] next() {
        byte[] file = any();
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
            file = random.nextInt(3) == 0 ? bytes(file) : words(file);
        }
        return file;
    }

    private byte[] any() {
        return good.get(random.nextInt(good.size()));
    }

    private byte[] bytes(byte[] file) {
        int from = random.nextInt(file.length + 1);
        int to = Math.min(file.length, from + random.nextInt(1 << random.nextInt(8)));
        byte[] changed = file.clone();
        switch (random.nextInt(7)) {
            case 0 -> {
                if (from < file.length) {
                    changed[from] ^= (byte) (1 << random.nextInt(8));
                }
            }
            case 1 -> Arrays.fill(changed, from, to, (byte) random.nextInt());
            case 2 -> changed = Arrays.copyOf(file, from);
            case 3 -> changed = Arrays.copyOf(file, file.length + random.nextInt(100));
            case 4 -> changed = joined(Arrays.copyOf(file, from), Arrays.copyOfRange(file, to, file.length));
            case 5 -> changed = joined(Arrays.copyOf(file, to), Arrays.copyOfRange(file, from, file.length));
            default -> {
                if (file.length >= Long.BYTES) {
                    ByteBuffer length = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
                    length.putLong(0, random.nextBoolean() ? random.nextLong() >> random.nextInt(64)
                            : length.getLong(0) + random.nextInt(-70, 70));
                }
            }
        }
        return changed;
    }

    /** One word of the header replaced, left out, put elsewhere or said twice; the length is right again afterwards. */
    private byte[] words(byte[] file) {
        int length = headerLength(file);
        String header = new String(file, Math.min(Long.BYTES, file.length), length, StandardCharsets.UTF_8);
        List<MatchResult> found = WORD.matcher(header).results().toList();
        if (found.isEmpty()) {
            return bytes(file);
        }
        MatchResult one = found.get(random.nextInt(found.size()));
        MatchResult other = found.get(random.nextInt(found.size()));
        String changed = switch (random.nextInt(4)) {
            case 0 -> header.substring(0, one.start()) + other.group() + header.substring(one.end());
            case 1 -> header.substring(0, Math.min(one.start(), other.start()))
                    + header.substring(Math.max(one.start(), other.start()));
            case 2 -> header.substring(0, Math.max(one.start(), other.start()))
                    + header.substring(Math.min(one.start(), other.start()));
            default -> header.substring(0, one.start()) + WORDS[random.nextInt(WORDS.length)]
                    + header.substring(one.end());
        };
        byte[] text = changed.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(Long.BYTES + text.length + Math.max(0, file.length - Long.BYTES - length))
                .order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).put(text)
                .put(file, Math.min(file.length, Long.BYTES + length), Math.max(0, file.length - Long.BYTES - length))
                .array();
    }

    private static int headerLength(byte[] file) {
        if (file.length < Long.BYTES) {
            return 0;
        }
        long length = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        return (int) Math.max(0, Math.min(length, file.length - Long.BYTES));
    }

    private static byte[] joined(byte[] first, byte[] second) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        joined.writeBytes(first);
        joined.writeBytes(second);
        return joined.toByteArray();
    }
}
