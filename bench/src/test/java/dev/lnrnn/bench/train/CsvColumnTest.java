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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CsvColumnTest {

    private static double[] read(String text, String column) throws IOException {
        return CsvColumn.read(new BufferedReader(new StringReader(text)), "f.csv", column);
    }

    private static void assertRefused(String sentence, String text, String column) {
        assertEquals(sentence, assertThrows(BadInputException.class, () -> read(text, column)).getMessage());
    }

    @Test
    void readsTheNamedColumn() throws IOException {
        assertArrayEquals(new double[] {1.5, -2}, read("a,b\nx,1.5\ny, -2 \n\n\n", "b"));
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

    @ParameterizedTest
    @ValueSource(strings = {"v\n1\n-.5e+3\n", "v\r\n+1\r\n-5e2\r\n", "v\r1.\r-500.0", "\uFEFFv\n1\n\t-500\n\n",
        "\"v\"\n\"1\"\n \"-500\" ", "n,v,\n\"a,b\",1,\n,-500,\n"})
    void readsWhatIsUnambiguous(String text) throws IOException {
        assertArrayEquals(new double[] {1, -500}, read(text, "v"));
    }

    @Test
    void namesTheColumnsThereAre() {
        assertRefused("The file f.csv has no column \"c\"; its columns, separated by commas, are a, b.",
                "a,b\n1,2\n", "c");
        assertRefused("The file f.csv has no column \"v\"; its columns, separated by commas, are d;v.",
                "d;v\n1;2\n", "v");
    }

    @ParameterizedTest
    @ValueSource(strings = {"x", "100d", "100f", "0x1p3", "NaN", "Infinity", "-Infinity", "1 000", "1_000", "1.000.000",
        "1e", "e5", ".", "--1", "\u0661\u0662", "\u22125", "1\u00A0", "1%", "$1", "1;2", "1\t2", "1.5e2.5", "true"})
    void namesThePlaceOfWhatIsNotANumber(String cell) {
        assertRefused(
                "Line 3 of f.csv has \"" + cell.replace('\t', '\uFFFD') + "\" in the column \"a\", which is not a "
                        + "number: expected digits with at most a sign, a decimal point and an exponent.",
                "a\n1\n" + cell
                        + "\n2\n",
                "a");
    }

    @Test
    void separatesNeitherThousandsNorDecimalsByCommas() {
        assertRefused(
                "Line 2 of f.csv has \"101,288\" in the column \"v\", which is not a number: expected digits with at "
                        + "most a sign, a decimal point and an exponent.",
                "d,v\n1,\"101,288\"\n", "v");
        assertRefused(
                "Line 2 of f.csv has \"134\" behind the column \"v\", under no name, so that whether it is decimals "
                        + "is not known (a comma separates cells, never decimals).",
                "v,\n10,134\n", "v");
        assertRefused(
                "Line 3 of f.csv has 3 cells, the line of names 2, so that which belongs to the column \"v\" is not "
                        + "known (a comma separates cells, never decimals).",
                "d,v\n1,2\n1,101,288\n", "v");
        assertRefused(
                "Line 2 of f.csv has 1 cells, the line of names 2, so that which belongs to the column \"b\" is not "
                        + "known (a comma separates cells, never decimals).",
                "a,b\n1\n", "b");
    }

    @Test
    void namesThePlaceOfNumbersThatADoubleCannotHold() {
        assertRefused("Line 2 of f.csv has \"1e400\" in the column \"a\", which is too large for a double.",
                "a\n1e400\n",
                "a");
        assertRefused("Line 2 of f.csv has \"-1e-400\" in the column \"a\", which is too small for a double.",
                "a\n-1e-400\n", "a");
    }

    /** Points are equally spaced: one that is not there cannot be left out. */
    @Test
    void namesThePlaceOfAPointThatIsNotThere() {
        assertRefused("Line 3 of f.csv is blank, so that the column \"a\" has no number there.", "a\n1\n\n2\n", "a");
        assertRefused("Line 3 of f.csv is blank, so that the column \"a\" has no number there.", "a,b\n1,1\n \n\n2,2\n",
                "a");
        assertRefused("Line 2 of f.csv has nothing in the column \"b\".", "a,b\n1,\n", "b");
        assertRefused("Line 2 of f.csv has nothing in the column \"a\".", "a\n\"\"\n", "a");
    }

    @Test
    void refusesNamesThatDoNotNameOneColumn() {
        assertRefused("Line 1 of f.csv names two columns \"v\", those at 2 and 3; expected one.",
                "d,v, \"v\"\n1,2,3\n", "v");
        assertRefused(
                "Line 1 of f.csv has the number 1.5 where the column \"1.5\" should have its name; expected "
                        + "names in line 1.",
                "1.5\n2\n", "1.5");
    }

    @Test
    void namesTheLineOfQuotesThatMeanTwoThings() {
        assertRefused("Line 2 of f.csv opens a quote that it does not close.", "a\n\"1\n", "a");
        // Else the rest of the file would be a part of this cell.
        assertRefused("Line 2 of f.csv opens a quote that it does not close.", "a,b\n1,\"x\n2,y\n3,\"\n", "a");
        assertRefused("Line 2 of f.csv goes on behind the quote that closes \"1\".", "a\n\"1\"2\n", "a");
        assertRefused("Line 2 of f.csv has the quote of 1\"2\" inside of a cell that is not quoted.", "a\n1\"2\"\n",
                "a");
    }

    @Test
    void aLineIsNoLongerThanMemory() {
        assertRefused("Line 1 of f.csv has more than 1048576 characters.", "x".repeat(3 << 20), "a");
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
