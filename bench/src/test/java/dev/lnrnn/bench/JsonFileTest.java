package dev.lnrnn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonFileTest {

    @TempDir
    private Path directory;

    private record Part(double[] values, Float single) {}

    @ParameterizedTest
    @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
    void whatIsNoNumberIsNoResult(double wrong) {
        Path file = directory.resolve("results.json");
        Map<String, Part> results = Map.of("part", new Part(new double[] {1, wrong}, 1f));
        assertEquals("The result part.values[1] is " + wrong + ", which is not a number.",
                assertThrows(BadResultException.class, () -> JsonFile.write(file, results)).getMessage());
        assertFalse(Files.exists(file));
        assertThrows(BadResultException.class,
                () -> JsonFile.requireFinite(List.of(new Part(new double[0], (float) wrong))));
        assertEquals("The result [1] is " + wrong + ", which is not a number.",
                assertThrows(BadResultException.class, () -> JsonFile.requireFinite(List.of(1.0, wrong))).getMessage());
        JsonFile.requireFinite(List.of(new Part(new double[] {Double.MAX_VALUE}, Float.MIN_VALUE)));
    }

    @Test
    void countsTheRowsThatStandThere() throws IOException {
        Path file = directory.resolve("results.json");
        assertEquals(0, JsonFile.rowsIn(file));
        JsonFile.write(file, Map.of("rows", List.of(1, 2, 3)));
        assertEquals(3, JsonFile.rowsIn(file));
        // Who knows what it is worth.
        assertEquals(Integer.MAX_VALUE, JsonFile.rowsIn(Files.writeString(file, "{\"rows\": [1, 2")));
        assertEquals(Integer.MAX_VALUE, JsonFile.rowsIn(Files.writeString(file, "{\"row\": []}")));
        assertEquals(Integer.MAX_VALUE, JsonFile.rowsIn(directory));
    }
}
