package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.SafetensorsException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A device, and a file for one of its layers. */
abstract class LayerFileFixture {
    static Device device;
    Path file;

    @BeforeAll
    static void open() {
        device = TestDevice.open();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    @BeforeEach
    void name(@TempDir Path directory) {
        file = directory.resolve("layer.safetensors");
    }

    /** A load that fails names the file and the reason, and changes nothing. */
    void assertRefused(Layer layer, LoadOptions options, String part) {
        float[][] before = all(layer);
        String message = assertThrows(SafetensorsException.class, () -> layer.load(file, options)).getMessage();
        assertTrue(message.startsWith(file.toString()) && message.contains(part), message);
        assertArrayEquals(before, all(layer));
    }

    static float[][] all(Layer layer) {
        return layer.parameters().names().stream().map(name -> Layers.floats(get(layer, name))).toArray(float[][]::new);
    }

    static double[] get(Layer layer, String name) {
        if (layer.spec().dataType() == DataType.F64) {
            return layer.parameters().getDoubles(name);
        }
        float[] floats = layer.parameters().get(name);
        double[] values = new double[floats.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = floats[i];
        }
        return values;
    }
}
