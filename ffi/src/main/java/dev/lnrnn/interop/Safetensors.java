package dev.lnrnn.interop;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file: named tensors and text metadata. Files are mapped into memory and read on demand.
 *
 * {@snippet :
 * try (Safetensors file = Safetensors.read(Path.of("weights.safetensors"))) {
 *     float[] bias = file.floats("bias_l0");
 * }
 * Safetensors.write(Path.of("copy.safetensors"), Map.of(), List.of(Tensor.f32("bias_l0", new long[] {512}, bias)));
 * }
 *
 * <p>Immutable, and safe for use by several threads. Reading refuses what the format forbids: offsets that overlap,
 * leave gaps or lie outside the file, sizes that do not match their shapes or overflow, unknown types, and names that
 * occur twice or are not Unicode. It also refuses headers beyond 32 MiB (the format allows 100 MB), 262144 tensors,
 * 65536 entries of metadata or 64 extents. So reading a header takes a bounded time and less than 300 MB. Writing
 * refuses what reading refuses.
 */
public final class Safetensors implements AutoCloseable {
    private static final String IN_MEMORY = "safetensors in memory";
    private static final long MAX_HEADER_BYTES = 100_000_000;
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(LITTLE);

    private final String name;
    private final HeaderParser.Header header;
    private final MemorySegment data;
    private final @Nullable Arena mapping;

    private Safetensors(String name, HeaderParser.Header header, MemorySegment data, @Nullable Arena mapping) {
        this.name = name;
        this.header = header;
        this.data = data;
        this.mapping = mapping;
    }

    /**
     * Opens a file. Its contents must not change while it is open; replacing it by a rename, as {@link #write} does, is
     * fine.
     *
     * @param file the file
     * @return the tensors; the caller closes them
     * @throws SafetensorsException if it is malformed
     * @throws IOException if it cannot be read
     */
    public static Safetensors read(Path file) throws IOException {
        Objects.requireNonNull(file, "file");
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            // To open a pipe would be to wait for who writes to it.
            throw new FileSystemException(file.toString(), null, "is not a regular file");
        }
        FileReplacement.removeAbandoned(file);
        Arena mapping = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return read(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), mapping), file.toString(),
                    mapping);
        } catch (SafetensorsException e) {
            mapping.close();
            throw new SafetensorsException(file + ": " + e.getMessage(), e);
        } catch (InternalError e) {
            mapping.close();
            throw new IOException(file + " was truncated, or its disk failed, while it was read", e);
        } catch (IOException | RuntimeException | Error e) {
            mapping.close();
            throw e;
        }
    }

    /**
     * Reads the contents of a file from memory, in place.
     *
     * @param content heap or native memory
     * @return the tensors; closing them does not free the memory
     * @throws SafetensorsException if it is malformed
     */
    public static Safetensors read(MemorySegment content) throws SafetensorsException {
        return read(Objects.requireNonNull(content, "content"), IN_MEMORY, null);
    }

    /**
     * Reads the contents of a file from an array, in place.
     *
     * @param content the bytes
     * @return its tensors
     * @throws SafetensorsException if it is malformed
     */
    public static Safetensors read(byte[] content) throws SafetensorsException {
        return read(MemorySegment.ofArray(Objects.requireNonNull(content, "content")), IN_MEMORY, null);
    }

    private static Safetensors read(MemorySegment content, String name, @Nullable Arena mapping)
            throws SafetensorsException {
        if (content.byteSize() < Long.BYTES) {
            throw new SafetensorsException("the file has " + content.byteSize() + " bytes, too few for a header");
        }
        long headerBytes = content.get(LONG, 0);
        if (headerBytes < 0 || headerBytes > MAX_HEADER_BYTES) {
            throw new SafetensorsException("the header has " + Long.toUnsignedString(headerBytes)
                    + " bytes, more than the allowed " + MAX_HEADER_BYTES);
        }
        if (headerBytes > content.byteSize() - Long.BYTES) {
            throw new SafetensorsException("the header has " + headerBytes + " bytes, but the whole file only "
                    + content.byteSize());
        }
        if (headerBytes > HeaderParser.MAX_BYTES) {
            throw new SafetensorsException("the header has " + headerBytes + " bytes, more than the limit of "
                    + HeaderParser.MAX_BYTES);
        }
        byte[] header = content.asSlice(Long.BYTES, headerBytes).toArray(ValueLayout.JAVA_BYTE);
        MemorySegment data = content.asSlice(Long.BYTES + headerBytes).asReadOnly();
        return new Safetensors(name, HeaderParser.parse(header, data.byteSize()), data, mapping);
    }

    /**
     * Writes a file. It appears complete or not at all, as {@link FileReplacement} says. The data begins at a multiple
     * of 64 bytes.
     *
     * @param file the file, replaced if it exists
     * @param metadata text metadata
     * @param tensors the tensors, written in this order
     * @throws IllegalArgumentException if a name occurs twice or is reserved by the format, or {@link #read(Path)}
     *     would refuse the file for another reason; then nothing is written
     * @throws IOException if the file cannot be written; then an existing file is unchanged
     */
    public static void write(Path file, Map<String, String> metadata, List<Tensor> tensors) throws IOException {
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(metadata, "metadata");
        Objects.requireNonNull(tensors, "tensors");
        SafetensorsWriter.write(file, new LinkedHashMap<>(metadata), new ArrayList<>(tensors));
    }

    /** {@return the text metadata, in the file's order} */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    /** {@return the tensors by name, in the file's order} */
    public Map<String, TensorInfo> tensors() {
        return Collections.unmodifiableMap(header.tensors());
    }

    /**
     * {@return the elements of a tensor, little-endian, read-only, not necessarily aligned} The segment is alive until
     * this object is closed.
     *
     * @param name a key of {@link #tensors()}
     * @throws IllegalArgumentException if there is no such tensor
     */
    public MemorySegment data(String name) {
        TensorInfo tensor = find(name);
        return data.asSlice(tensor.offset(), tensor.byteSize());
    }

    /**
     * {@return a copy of a tensor as floats, for types that convert without loss}
     *
     * @param name a key of {@link #tensors()}
     * @throws IllegalArgumentException if there is no such tensor, or its type does not fit
     */
    public float[] floats(String name) {
        TensorInfo tensor = find(name);
        MemorySegment source = data(name);
        float[] values = new float[arrayLength(name, tensor, tensor.type().fitsFloat(), "float")];
        if (tensor.type() == ElementType.F32) {
            MemorySegment.copy(source, FLOAT, 0, values, 0, values.length);
        } else {
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) number(source, tensor.type(), i);
            }
        }
        return values;
    }

    /**
     * {@return a copy of a tensor as doubles, for types that convert without loss}
     *
     * @param name a key of {@link #tensors()}
     * @throws IllegalArgumentException if there is no such tensor, or its type does not fit
     */
    public double[] doubles(String name) {
        TensorInfo tensor = find(name);
        MemorySegment source = data(name);
        double[] values = new double[arrayLength(name, tensor, tensor.type().fitsDouble(), "double")];
        if (tensor.type() == ElementType.F64) {
            MemorySegment.copy(source, DOUBLE, 0, values, 0, values.length);
        } else {
            for (int i = 0; i < values.length; i++) {
                values[i] = number(source, tensor.type(), i);
            }
        }
        return values;
    }

    /**
     * {@return a copy of a tensor of integers as longs}
     *
     * @param name a key of {@link #tensors()}
     * @throws IllegalArgumentException if there is no such tensor, or its type does not fit
     */
    public long[] longs(String name) {
        TensorInfo tensor = find(name);
        MemorySegment source = data(name);
        long[] values = new long[arrayLength(name, tensor, tensor.type().fitsLong(), "long")];
        if (tensor.type() == ElementType.I64) {
            MemorySegment.copy(source, LONG, 0, values, 0, values.length);
        } else {
            for (int i = 0; i < values.length; i++) {
                values[i] = (long) number(source, tensor.type(), i);
            }
        }
        return values;
    }

    /** An element of a type that fits into a double. */
    private static double number(MemorySegment source, ElementType type, long index) {
        return switch (type) {
            case BOOL -> source.get(ValueLayout.JAVA_BYTE, index) == 0 ? 0 : 1;
            case U8 -> Byte.toUnsignedInt(source.get(ValueLayout.JAVA_BYTE, index));
            case I8 -> source.get(ValueLayout.JAVA_BYTE, index);
            case I16 -> source.getAtIndex(SHORT, index);
            case U16 -> Short.toUnsignedInt(source.getAtIndex(SHORT, index));
            case F16 -> Float.float16ToFloat(source.getAtIndex(SHORT, index));
            case BF16 -> Float.intBitsToFloat(source.getAtIndex(SHORT, index) << 16);
            case I32 -> source.getAtIndex(INT, index);
            case U32 -> Integer.toUnsignedLong(source.getAtIndex(INT, index));
            case F32 -> source.getAtIndex(FLOAT, index);
            case F64 -> source.getAtIndex(DOUBLE, index);
            case F8_E5M2, F8_E4M3, I64, U64 -> throw new IllegalArgumentException(type + " does not fit into double");
        };
    }

    private static int arrayLength(String name, TensorInfo tensor, boolean fits, String target) {
        if (!fits) {
            throw new IllegalArgumentException(
                    "tensor " + Quoted.of(name) + " is " + tensor.type() + ", which does not fit into " + target);
        }
        if (tensor.elements() > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("tensor " + Quoted.of(name) + " has " + tensor.elements()
                    + " elements, more than a Java array can hold: use data");
        }
        return (int) tensor.elements();
    }

    private TensorInfo find(String name) {
        TensorInfo tensor = header.tensors().get(Objects.requireNonNull(name, "name"));
        if (tensor == null) {
            throw new IllegalArgumentException("there is no tensor " + Quoted.of(name) + ", expected one of "
                    + Quoted.list(header.tensors().keySet()));
        }
        if (!data.scope().isAlive()) {
            throw new IllegalStateException("this Safetensors is closed");
        }
        return tensor;
    }

    /** {@return the path that was read, or a note that it is in memory} */
    @Override
    public String toString() {
        return name;
    }

    /** Unmaps the file. Closing twice is harmless. */
    @Override
    public void close() {
        if (mapping != null && mapping.scope().isAlive()) {
            mapping.close();
        }
    }
}
