package dev.lnrnn.interop;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the JSON header of a safetensors file and refuses everything that the format does not allow. */
final class HeaderParser {
    private static final String METADATA = "__metadata__";
    /** More than any library has; keeps a hostile header from filling memory. */
    private static final int MAX_RANK = 64;

    private static final JsonFactory JSON =
            JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

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
        try (JsonParser json = JSON.createParser(decode(header))) {
            HeaderParser parser = new HeaderParser(json, dataBytes);
            parser.parseHeader();
            parser.checkCoverage();
            return new Header(parser.metadata, parser.tensors);
        } catch (SafetensorsException e) {
            throw e;
        } catch (JsonProcessingException e) {
            throw new SafetensorsException("the header is not the JSON it should be: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new SafetensorsException("the header cannot be read: " + e.getMessage(), e);
        }
    }

    private static String decode(byte[] header) throws SafetensorsException {
        try {
            // A new decoder reports what String's constructor would replace.
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(header)).toString();
        } catch (CharacterCodingException e) {
            throw new SafetensorsException("the header is not UTF-8", e);
        }
    }

    private void parseHeader() throws IOException {
        json.nextToken();
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String name = json.currentName();
            if (name.equals(METADATA)) {
                parseMetadata();
            } else {
                tensors.put(name, parseTensor(name));
            }
        }
        if (json.nextToken() != null) {
            throw new SafetensorsException("the header goes on after its closing '}'");
        }
    }

    private void parseMetadata() throws IOException {
        expect(json.nextToken(), JsonToken.START_OBJECT, METADATA + " is not an object");
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String key = json.currentName();
            expect(json.nextToken(), JsonToken.VALUE_STRING, METADATA + "." + key + " is not a string");
            metadata.put(key, json.getText());
        }
    }

    private TensorInfo parseTensor(String name) throws IOException {
        expect(json.nextToken(), JsonToken.START_OBJECT, "tensor \"" + name + "\" is not an object");
        ElementType type = null;
        long[] shape = null;
        long[] offsets = null;
        while (json.nextToken() != JsonToken.END_OBJECT) {
            switch (json.currentName()) {
                case "dtype" -> type = parseType(name);
                case "shape" -> shape = parseNumbers("shape of \"" + name + "\"", MAX_RANK);
                case "data_offsets" -> offsets = parseNumbers("data_offsets of \"" + name + "\"", 2);
                default -> throw new SafetensorsException(
                        "tensor \"" + name + "\" has an unknown key \"" + json.currentName() + "\"");
            }
        }
        return check(name, type, shape, offsets);
    }

    private ElementType parseType(String name) throws IOException {
        expect(json.nextToken(), JsonToken.VALUE_STRING, "dtype of \"" + name + "\" is not a string");
        for (ElementType type : ElementType.values()) {
            if (type.name().equals(json.getText())) {
                return type;
            }
        }
        throw new SafetensorsException("dtype of \"" + name + "\" is \"" + json.getText() + "\", which is unknown");
    }

    private long[] parseNumbers(String what, int max) throws IOException {
        expect(json.nextToken(), JsonToken.START_ARRAY, what + " is not an array");
        List<Long> numbers = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
            expect(json.currentToken(), JsonToken.VALUE_NUMBER_INT, what + " holds something else than integers");
            long number = json.getLongValue();
            if (number < 0) {
                throw new SafetensorsException(what + " holds " + number + ", which is negative");
            }
            if (numbers.size() == max) {
                throw new SafetensorsException(what + " holds more than " + max + " numbers");
            }
            numbers.add(number);
        }
        return numbers.stream().mapToLong(Long::longValue).toArray();
    }

    private TensorInfo check(String name, @Nullable ElementType type, long @Nullable [] shape,
            long @Nullable [] offsets) throws SafetensorsException {
        if (type == null || shape == null || offsets == null || offsets.length != 2) {
            throw new SafetensorsException("tensor \"" + name + "\" needs dtype, shape and two data_offsets");
        }
        long begin = offsets[0];
        long end = offsets[1];
        if (begin > end || end > dataBytes) {
            throw new SafetensorsException("tensor \"" + name + "\" is at " + begin + "..." + end
                    + ", outside of the " + dataBytes + " bytes of data");
        }
        long bytes;
        try {
            bytes = Tensor.bytes(type, shape);
        } catch (ArithmeticException e) {
            throw new SafetensorsException("the size of tensor \"" + name + "\" exceeds 64 bits", e);
        }
        List<Long> extents = new ArrayList<>();
        for (long extent : shape) {
            extents.add(extent);
        }
        if (bytes != end - begin) {
            throw new SafetensorsException("tensor \"" + name + "\" has " + (end - begin) + " bytes, but shape "
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
                throw new SafetensorsException("tensor \"" + entry.getKey() + "\" begins at " + tensor.offset()
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
