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
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Writes safetensors files. */
final class SafetensorsWriter {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String METADATA = "__metadata__";
    private static final int ALIGNMENT = 64;
    private static final long MAX_BUFFER_BYTES = 1 << 30;
    private static final long COPY_BYTES = 1 << 20;

    private SafetensorsWriter() {}

    static void write(Path file, Map<String, String> metadata, List<Tensor> tensors) throws IOException {
        checkNames(tensors);
        byte[] header = header(metadata, tensors);
        FileReplacement.write(file, channel -> {
            channel.write(ByteBuffer.wrap(header));
            for (Tensor tensor : tensors) {
                write(channel, tensor.data());
            }
        });
    }

    private static void checkNames(List<Tensor> tensors) {
        Set<String> names = new HashSet<>();
        for (Tensor tensor : tensors) {
            if (tensor.name().equals(METADATA)) {
                throw new IllegalArgumentException("a tensor cannot have the name " + METADATA);
            }
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException("two tensors have the name \"" + tensor.name() + "\"");
            }
        }
    }

    /** The length, the JSON, and spaces up to the place where data is aligned. */
    private static byte[] header(Map<String, String> metadata, List<Tensor> tensors) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(METADATA);
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    json.writeStringField(entry.getKey(), entry.getValue());
                }
                json.writeEndObject();
            }
            long offset = 0;
            for (Tensor tensor : tensors) {
                describe(json, tensor, offset);
                offset = Math.addExact(offset, tensor.data().byteSize());
            }
            json.writeEndObject();
        }
        int unpadded = Long.BYTES + text.size();
        int padded = (unpadded + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        byte[] header = new byte[padded];
        Arrays.fill(header, (byte) ' ');
        ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).putLong(padded - Long.BYTES).put(text.toByteArray());
        return header;
    }

    private static void describe(JsonGenerator json, Tensor tensor, long offset) throws IOException {
        long[] shape = tensor.shape();
        json.writeObjectFieldStart(tensor.name());
        json.writeStringField("dtype", tensor.type().name());
        json.writeFieldName("shape");
        json.writeArray(shape, 0, shape.length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {offset, offset + tensor.data().byteSize()}, 0, 2);
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
