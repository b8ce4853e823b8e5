package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.ElementType;
import dev.lnrnn.interop.Safetensors;
import dev.lnrnn.interop.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A file of another type is loaded where its numbers fit, or where the caller lets them be rounded. */
@Tag("device")
class LoadConversionTest extends LayerFileFixture {
    private static final LayerSpec SPEC = LayerSpec.lstm(3, 4).withZoneout(0.25);
    private static final LoadOptions DEFAULTS = LoadOptions.DEFAULTS;

    /** From every type into every other one: what fits at once, else rounded once and to the nearest when asked. */
    @ParameterizedTest
    @EnumSource
    void conversion(DataType to) throws IOException {
        Random random = new Random(5);
        for (DataType from : DataType.values()) {
            double[] values = random.doubles(16, -2, 2).toArray();
            // Halfway for F16 and BF16 but for a bit that a float does not have: rounding twice would round down.
            values[0] = 1 + 0x1p-11 + 0x1p-40;
            values[1] = 1 + 0x1p-8 + 0x1p-40;
            values[2] = 0x1p-24;
            values[3] = Double.NaN;
            try (Layer saved = device.createLayer(SPEC.withDataType(from)).initialize(7);
                    Layer loaded = device.createLayer(SPEC.withDataType(to)).initialize(8)) {
                set(saved, "bias_l0", values);
                saved.save(file);
                double[] exact = get(saved, "bias_l0");
                boolean fits = from == to || to == DataType.F64 || to == DataType.F32 && from != DataType.F64;
                if (!fits) {
                    assertRefused(loaded, DEFAULTS, "\n  bias_l0: type " + from + ", which does not fit into " + to);
                }
                loaded.load(file, fits ? DEFAULTS : DEFAULTS.withConversion(true));
                double[] found = get(loaded, "bias_l0");
                for (int i = 0; i < exact.length; i++) {
                    assertNearest(exact[i], found[i], to);
                }
                if (from == DataType.F64 && (to == DataType.F16 || to == DataType.BF16)) {
                    assertEquals(to == DataType.F16 ? 1 + 0x1p-10 : 1 + 0x1p-7, found[to == DataType.F16 ? 0 : 1]);
                }
            }
        }
    }

    /** No representable number is nearer. */
    private static void assertNearest(double exact, double found, DataType type) {
        if (Double.isNaN(exact)) {
            assertTrue(Double.isNaN(found));
            return;
        }
        int bits = switch (type) {
            case F64 -> 53;
            case F32 -> 24;
            case F16 -> 11;
            case BF16 -> 8;
        };
        double unit = Math.scalb(1.0, Math.max(Math.getExponent(exact), type == DataType.F16 ? -14 : -126) - bits + 1);
        assertTrue(Math.abs(exact - found) <= (exact == found ? 0 : unit / 2), exact + " to " + found + " in " + type);
    }

    @ParameterizedTest
    @CsvSource({"F32, 1e300", "F16, 70000", "BF16, -3.4e38", "F16, 1e300"})
    void whatIsTooLargeForTheTypeIsRefused(DataType to, double value) throws IOException {
        try (Layer saved = device.createLayer(SPEC.withDataType(DataType.F64)).initialize(7);
                Layer loaded = device.createLayer(SPEC.withDataType(to)).initialize(8)) {
            double[] values = new double[16];
            values[3] = value;
            saved.parameters().set("bias_l0", values);
            saved.save(file);
            assertRefused(loaded, DEFAULTS.withConversion(true),
                    "bias_l0 has " + value + " at 3, which is too large for " + to);
            values[3] = Double.NEGATIVE_INFINITY;
            saved.parameters().set("bias_l0", values);
            saved.save(file);
            loaded.load(file, DEFAULTS.withConversion(true));
            assertEquals(Float.NEGATIVE_INFINITY, loaded.parameters().get("bias_l0")[3]);
        }
    }

    /** Whatever a packed weight means, it is not the weight. */
    @Test
    void integersAreNoWeights() throws IOException {
        try (Layer layer = device.createLayer(SPEC).initialize(8)) {
            List<Tensor> tensors = new ArrayList<>(layer.parameters().toTensors(""));
            tensors.replaceAll(tensor -> new Tensor(tensor.name(), ElementType.I8, tensor.shape(),
                    MemorySegment.ofArray(new byte[(int) tensor.data().byteSize() / 4])));
            Safetensors.write(file, Map.of(), tensors);
            assertRefused(layer, DEFAULTS, "\n  bias_l0: type I8, which does not fit into F32");
            assertRefused(layer, DEFAULTS.withConversion(true), "\n  bias_l0: type I8, which does not fit into F32");
        }
    }

    private static void set(Layer layer, String name, double[] values) {
        if (layer.spec().dataType() == DataType.F64) {
            layer.parameters().set(name, values);
        } else {
            layer.parameters().set(name, Layers.floats(values));
        }
    }
}
