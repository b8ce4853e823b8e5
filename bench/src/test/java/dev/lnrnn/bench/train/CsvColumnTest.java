package dev.lnrnn.bench.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.lnrnn.bench.BadInputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CsvColumnTest {

    private static double[] read(String text, String column) throws IOException {
        return CsvColumn.read(new BufferedReader(new StringReader(text)), "f.csv", column);
    }

    private static void assertRefused(String sentence, String text, String column) {
        assertEquals(sentence, assertThrows(BadInputException.class, () -> read(text, column)).getMessage());
    }

    @Test
    void readsTheNamedColumn() throws IOException {
        assertArrayEquals(new double[] {1.5, -2}, read("a,b\nx,1.5\n\ny, -2 \n", "b"));
    }

    @Test
    void readsQuotedCellsAndAByteOrderMark() throws IOException {
        assertArrayEquals(new double[] {7}, read("\uFEFF\"a, \"\"b\"\"\",c\n\"7\",\"8,9\"\n", "a, \"b\""));
    }

    @Test
    void growsBeyondItsFirstBuffer() throws IOException {
        double[] values = read("v\n" + "3\n".repeat(5000), "v");
        assertEquals(5000, values.length);
        assertEquals(3, values[4999]);
    }

    @Test
    void namesTheColumnsThereAre() {
        assertRefused("The file f.csv has no column \"c\"; its columns are a, b.", "a,b\n1,2\n", "c");
    }

    @Test
    void namesTheLineOfWhatIsNotANumber() {
        assertRefused("Line 3 of f.csv has \"x\" in the column \"a\", which is not a number.", "a\n1\nx\n", "a");
        assertRefused("Line 2 of f.csv has \"\" in the column \"b\", which is not a number.", "a,b\n1,\n", "b");
        assertRefused("Line 2 of f.csv has NaN in the column \"a\", which is not finite.", "a\nNaN\n", "a");
    }

    @Test
    void namesTheLineOfAMissingCell() {
        assertRefused("Line 2 of f.csv has 1 cells, so none for the column \"b\".", "a,b\n1\n", "b");
    }

    @Test
    void namesTheLineOfAnOpenQuote() {
        assertRefused("Line 2 of f.csv opens a quote that it does not close.", "a\n\"1\n", "a");
    }

    @Test
    void refusesAnEmptyFile() {
        assertRefused("The file f.csv is empty.", "", "a");
    }

    @Test
    void refusesFilesThatCannotBeRead(@TempDir Path directory) throws IOException {
        Path missing = directory.resolve("missing.csv");
        assertEquals("The file " + missing + " does not exist.",
                assertThrows(BadInputException.class, () -> CsvColumn.read(missing, "a")).getMessage());
        Path latin = Files.write(directory.resolve("latin.csv"), "größe\n1\n".getBytes(StandardCharsets.ISO_8859_1));
        assertEquals("The file " + latin + " is not UTF-8 text.",
                assertThrows(BadInputException.class, () -> CsvColumn.read(latin, "a")).getMessage());
    }
}
