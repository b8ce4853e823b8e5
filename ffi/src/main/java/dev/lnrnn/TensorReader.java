package dev.lnrnn;

import dev.lnrnn.interop.ElementType;
import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.SafetensorsException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A file's tensors of floating point in the type of a layer. */
final class TensorReader {
    /** Integers are no weights, only what weights were packed into; the 8-bit types come with scales of their own. */
    private static final List<ElementType> NUMBERS =
            List.of(ElementType.F64, ElementType.F32, ElementType.F16, ElementType.BF16);

    private TensorReader() {}

    static ElementType elementType(DataType type) {
        return switch (type) {
            case F32 -> ElementType.F32;
            case F64 -> ElementType.F64;
            case F16 -> ElementType.F16;
            case BF16 -> ElementType.BF16;
        };
    }

    /** Why a tensor of the one type is not read into the other, or null if it is. */
    static @Nullable String refusal(ElementType tensor, DataType type, boolean conversion) {
        boolean exact = tensor == elementType(type) || NUMBERS.contains(tensor)
                && (type == DataType.F64 || type == DataType.F32 && tensor != ElementType.F64);
        return exact || conversion && NUMBERS.contains(tensor) ? null
                : "type " + tensor + ", which does not fit into " + type;
    }

    /** A copy of a tensor in the layer's type, for which there is no {@link #refusal}. */
    static MemorySegment read(Safetensors file, String name, DataType type, Arena arena) throws SafetensorsException {
        if (Objects.requireNonNull(file.tensors().get(name), name).type() == elementType(type)) {
            MemorySegment bytes = file.data(name);
            return arena.allocate(bytes.byteSize(), type.byteSize()).copyFrom(bytes);
        }
        double[] values = file.doubles(name);
        if (type == DataType.F64) {
            return MemorySegment.ofArray(values);
        }
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = type == DataType.F32 ? (float) values[i] : roundedToOdd(values[i]);
        }
        HostArray rounded = HostArray.of(floats, type);
        float[] results = rounded.floats();
        for (int i = 0; i < results.length; i++) {
            if (Double.isFinite(values[i]) && !Float.isFinite(results[i])) {
                throw new SafetensorsException(
                        name + " has " + values[i] + " at " + i + ", which is too large for " + type);
            }
        }
        return rounded.segment();
    }

    /** Between two floats the odd one, so that rounding it once more gives what rounding the double would have given. */
    private static float roundedToOdd(double value) {
        float nearest = (float) value;
        boolean exact = nearest == value || Double.isNaN(value);
        return exact || (Float.floatToRawIntBits(nearest) & 1) == 1 ? nearest : Math.nextAfter(nearest, value);
    }
}
