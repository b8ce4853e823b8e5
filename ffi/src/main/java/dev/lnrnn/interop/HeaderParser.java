package dev.lnrnn.interop;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads the JSON header of a safetensors file and refuses everything that the format does not allow. What it keeps is at
 * most about ten times {@link #MAX_BYTES}, whatever the header holds.
 */
final class HeaderParser {
    static final String METADATA = "__metadata__";
    /** Of files that people share the largest have a few megabytes; the format would allow 100 million bytes. */
    static final int MAX_BYTES = 1 << 25;

    /** These are more than any file has; they keep a hostile header from filling memory. */
    private static final int MAX_TENSORS = 1 << 18;

    private static final int MAX_METADATA = 1 << 16;
    private static final int MAX_RANK = 64;

    /** Keeps no table of names, which all parsers would share: a file could spoil it for those after it. */
    private static final JsonFactory JSON = JsonFactory.builder()
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNameLength(MAX_BYTES).maxStringLength(MAX_BYTES).build())
            .build();

    private final JsonParser json;
    private final long dataBytes;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    /** What a header says. */
    record Header(Map<String, String> metadata, Map<String, TensorInfo> tensors) {}

    private HeaderParser(JsonParser json, long dataBytes) {
        this.json = json;
        this.dataBytes = dataBytes;
    }

    /**
     * @param header the bytes between the length and the data
     * @param dataBytes how many bytes of data there are
     */
    static Header parse(byte[] header, long dataBytes) throws SafetensorsException {
        if (header.length == 0 || header[0] != '{') {
            throw new SafetensorsException("the header does not begin with '{'");
        }
        // A decoder made by newDecoder reports what others replace.
        Reader text = new InputStreamReader(new ByteArrayInputStream(header), StandardCharsets.UTF_8.newDecoder());
        try (JsonParser json = JSON.createParser(text)) {
            HeaderParser parser = new HeaderParser(json, dataBytes);
            parser.parseHeader();
            parser.checkCoverage();
            return new Header(parser.metadata, parser.tensors);
        } catch (SafetensorsException e) {
            throw e;
        } catch (JsonProcessingException e) {
            throw notJson(Quoted.sentence(e.getOriginalMessage()), e);
        } catch (CharacterCodingException e) {
            throw new SafetensorsException("the header is not UTF-8", e);
        } catch (IOException e) {
            throw new SafetensorsException("the header cannot be read: " + e.getMessage(), e);
        }
    }

    private static SafetensorsException notJson(String why, @Nullable Throwable cause) {
        return new SafetensorsException("the header is not valid JSON: " + why, cause);
    }

    /** The name of the field that the parser stands at. */
    private String fieldName() throws IOException {
        return unicode(json.currentName());
    }

    /** JSON can escape one half of a pair of surrogates; UTF-8, and so another program, cannot have that. */
    private static String unicode(String text) throws SafetensorsException {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                throw new SafetensorsException(
                        Quoted.of(text) + " contains half a surrogate pair, which is not a character");
            }
        }
        return text;
    }

    private static SafetensorsException duplicate(String name) {
        return notJson("Duplicate field '" + Quoted.inner(name) + "'", null);
    }

    private void parseHeader() throws IOException {
        json.nextToken();
        boolean hasMetadata = false;
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String name = fieldName();
            if (!name.equals(METADATA)) {
                TensorInfo tensor = parseTensor(name);
                if (tensors.put(name, tensor) != null) {
                    throw duplicate(name);
                }
                checkCount(tensors, MAX_TENSORS, "tensors");
            } else if (hasMetadata) {
                throw duplicate(name);
            } else {
                parseMetadata();
                hasMetadata = true;
            }
        }
        if (json.nextToken() != null) {
            throw new SafetensorsException("the header continues after its closing '}'");
        }
    }

    private static void checkCount(Map<?, ?> found, int max, String what) throws SafetensorsException {
        if (found.size() > max) {
            throw new SafetensorsException("there are more than " + max + " " + what + ", the limit");
        }
    }

    private void parseMetadata() throws IOException {
        expect(json.nextToken(), JsonToken.START_OBJECT, METADATA + " is not an object");
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String key = fieldName();
            if (json.nextToken() != JsonToken.VALUE_STRING) {
                throw new SafetensorsException(METADATA + "." + Quoted.inner(key) + " is not a string");
            }
            if (metadata.put(key, unicode(json.getText())) != null) {
                throw duplicate(key);
            }
            checkCount(metadata, MAX_METADATA, "entries of " + METADATA);
        }
    }

    private TensorInfo parseTensor(String name) throws IOException {
        if (json.nextToken() != JsonToken.START_OBJECT) {
            throw new SafetensorsException("tensor " + Quoted.of(name) + " is not an object");
        }
        ElementType type = null;
        long[] shape = null;
        long[] offsets = null;
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String key = json.currentName();
            boolean again = switch (key) {
                case "dtype" -> type != null;
                case "shape" -> shape != null;
                case "data_offsets" -> offsets != null;
                default -> throw new SafetensorsException(
                        "tensor " + Quoted.of(name) + " has an unknown key " + Quoted.of(key));
            };
            if (again) {
                throw duplicate(key);
            }
            switch (key) {
                case "dtype" -> type = parseType(name);
                case "shape" -> shape = parseNumbers(key, name, MAX_RANK);
                default -> offsets = parseNumbers(key, name, 2);
            }
        }
        return check(name, type, shape, offsets);
    }

    private ElementType parseType(String name) throws IOException {
        if (json.nextToken() != JsonToken.VALUE_STRING) {
            throw new SafetensorsException("dtype of " + Quoted.of(name) + " is not a string");
        }
        for (ElementType type : ElementType.values()) {
            if (type.name().equals(json.getText())) {
                return type;
            }
        }
        throw new SafetensorsException(
                "dtype of " + Quoted.of(name) + " is " + Quoted.of(json.getText()) + ", which is unknown");
    }

    private long[] parseNumbers(String key, String name, int max) throws IOException {
        if (json.nextToken() != JsonToken.START_ARRAY) {
            throw wrong(key, name, "is not an array");
        }
        long[] numbers = new long[max];
        int count = 0;
        while (json.nextToken() != JsonToken.END_ARRAY) {
            if (json.currentToken() != JsonToken.VALUE_NUMBER_INT) {
                throw wrong(key, name, "holds something else than integers");
            }
            long number = json.getLongValue();
            if (number < 0) {
                throw wrong(key, name, "holds " + number + ", which is negative");
            }
            if (count == max) {
                throw wrong(key, name, "holds more than " + max + " numbers");
            }
            numbers[count++] = number;
        }
        return Arrays.copyOf(numbers, count);
    }

    private static SafetensorsException wrong(String key, String name, String what) {
        return new SafetensorsException(key + " of " + Quoted.of(name) + " " + what);
    }

    private TensorInfo check(String name, @Nullable ElementType type, long @Nullable [] shape,
            long @Nullable [] offsets) throws SafetensorsException {
        if (type == null || shape == null || offsets == null || offsets.length != 2) {
            throw new SafetensorsException("tensor " + Quoted.of(name) + " needs dtype, shape and two data_offsets");
        }
        long begin = offsets[0];
        long end = offsets[1];
        if (begin > end || end > dataBytes) {
            throw new SafetensorsException("tensor " + Quoted.of(name) + " is at " + begin + "..." + end
                    + ", outside of the " + dataBytes + " bytes of data");
        }
        long bytes;
        try {
            bytes = Tensor.bytes(type, shape);
        } catch (ArithmeticException e) {
            throw new SafetensorsException("the size of tensor " + Quoted.of(name) + " exceeds 64 bits", e);
        }
        List<Long> extents = new ArrayList<>();
        for (long extent : shape) {
            extents.add(extent);
        }
        if (bytes != end - begin) {
            throw new SafetensorsException("tensor " + Quoted.of(name) + " has " + (end - begin) + " bytes, but shape "
                    + extents + " of " + type + " needs " + bytes);
        }
        return new TensorInfo(type, extents, begin, bytes);
    }

    /** Tensors must follow each other without gap or overlap from the first byte of data to the last. */
    private void checkCoverage() throws SafetensorsException {
        List<Map.Entry<String, TensorInfo>> byOffset = new ArrayList<>(tensors.entrySet());
        byOffset.sort(Comparator.comparingLong((Map.Entry<String, TensorInfo> e) -> e.getValue().offset())
                .thenComparingLong(e -> e.getValue().byteSize()));
        long end = 0;
        for (Map.Entry<String, TensorInfo> entry : byOffset) {
            TensorInfo tensor = entry.getValue();
            if (tensor.offset() != end) {
                throw new SafetensorsException("tensor " + Quoted.of(entry.getKey()) + " begins at " + tensor.offset()
                        + (tensor.offset() < end ? ", inside" : ", with a gap after")
                        + " the one before, which ends at " + end);
            }
            end += tensor.byteSize();
        }
        if (end != dataBytes) {
            throw new SafetensorsException("there are " + (dataBytes - end) + " bytes after the last tensor");
        }
    }

    private static void expect(@Nullable JsonToken token, JsonToken expected, String otherwise)
            throws SafetensorsException {
        if (token != expected) {
            throw new SafetensorsException(otherwise);
        }
    }
}
