package dev.lnrnn.interop;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Writes safetensors files. */
final class SafetensorsWriter {
    private static final JsonFactory JSON = new JsonFactory();
    private static final int ALIGNMENT = 64;
    private static final long MAX_BUFFER_BYTES = 1 << 30;
    private static final long COPY_BYTES = 1 << 20;

    private SafetensorsWriter() {}

    static void write(Path file, Map<String, String> metadata, List<Tensor> tensors) throws IOException {
        byte[] header = header(metadata, tensors);
        FileReplacement.write(file, channel -> {
            channel.write(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).flip());
            channel.write(ByteBuffer.wrap(header));
            for (Tensor tensor : tensors) {
                write(channel, tensor.data());
            }
        });
    }

    /** The JSON, and spaces up to the place where data is aligned; it can be read, and says what it should. */
    private static byte[] header(Map<String, String> metadata, List<Tensor> tensors) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        Map<String, TensorInfo> infos = new LinkedHashMap<>();
        long offset = 0;
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            writeMetadata(json, metadata);
            for (Tensor tensor : tensors) {
                Objects.requireNonNull(tensor, "one of tensors is null");
                TensorInfo info = new TensorInfo(tensor.type(), Arrays.stream(tensor.shape()).boxed().toList(), offset,
                        tensor.data().byteSize());
                writeTensor(json, checkName(tensor.name()), info);
                if (infos.put(tensor.name(), info) != null) {
                    throw new IllegalArgumentException("two tensors have the name " + Quoted.of(tensor.name()));
                }
                offset = Math.addExact(offset, info.byteSize());
            }
            json.writeEndObject();
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException("the size of all tensors together exceeds 64 bits", e);
        }
        int padded = (Long.BYTES + text.size() + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - Long.BYTES;
        if (padded > HeaderParser.MAX_BYTES) {
            throw new IllegalArgumentException("the header would have " + padded + " bytes, more than the limit of "
                    + HeaderParser.MAX_BYTES);
        }
        byte[] header = Arrays.copyOf(text.toByteArray(), padded);
        Arrays.fill(header, text.size(), padded, (byte) ' ');
        checkReadable(header, offset, metadata, infos);
        return header;
    }

    private static void checkReadable(byte[] header, long dataBytes, Map<String, String> metadata,
            Map<String, TensorInfo> infos) {
        try {
            HeaderParser.Header read = HeaderParser.parse(header, dataBytes);
            if (!read.metadata().equals(metadata) || !read.tensors().equals(infos)) {
                throw new IllegalArgumentException("the file would read back different names or metadata");
            }
        } catch (SafetensorsException e) {
            throw new IllegalArgumentException("the file would not be readable: " + e.getMessage(), e);
        }
    }

    private static String checkName(String name) {
        if (name.equals(HeaderParser.METADATA)) {
            throw new IllegalArgumentException("a tensor cannot have the name " + HeaderParser.METADATA);
        }
        return checkUnicode(name, "the name of a tensor");
    }

    private static String checkUnicode(String text, String what) {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new IllegalArgumentException(
                    what + ", " + Quoted.of(text) + ", contains half a surrogate pair, which is not a character");
        }
        return text;
    }

    private static void writeMetadata(JsonGenerator json, Map<String, String> metadata) throws IOException {
        if (metadata.isEmpty()) {
            return;
        }
        json.writeObjectFieldStart(HeaderParser.METADATA);
        for (Map.Entry<String, String> entry : metadata.entrySet()) {
            String key = Objects.requireNonNull(entry.getKey(), "a key of metadata is null");
            String value = Objects.requireNonNull(entry.getValue(), () -> "metadata " + Quoted.of(key) + " is null");
            json.writeStringField(checkUnicode(key, "a key of metadata"),
                    checkUnicode(value, "metadata " + Quoted.of(key)));
        }
        json.writeEndObject();
    }

    private static void writeTensor(JsonGenerator json, String name, TensorInfo info) throws IOException {
        json.writeObjectFieldStart(name);
        json.writeStringField("dtype", info.type().name());
        json.writeArrayFieldStart("shape");
        for (long extent : info.shape()) {
            json.writeNumber(extent);
        }
        json.writeEndArray();
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {info.offset(), info.offset() + info.byteSize()}, 0, 2);
        json.writeEndObject();
    }

    private static void write(WritableByteChannel channel, MemorySegment data) throws IOException {
        long block = hasBuffer(data) ? MAX_BUFFER_BYTES : COPY_BYTES;
        for (long done = 0; done < data.byteSize(); done += block) {
            MemorySegment part = data.asSlice(done, Math.min(block, data.byteSize() - done));
            channel.write(hasBuffer(data) ? part.asByteBuffer() : ByteBuffer.wrap(part.toArray(ValueLayout.JAVA_BYTE)));
        }
    }

    /** Only native segments and byte arrays have a view as a ByteBuffer. */
    private static boolean hasBuffer(MemorySegment data) {
        return data.isNative() || data.heapBase().orElse(null) instanceof byte[];
    }
}
