package dev.lnrnn.bench.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.bench.CommandRun;
import dev.lnrnn.bench.ExitCode;
import dev.lnrnn.bench.Fuzz;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** CSV files that are changed at random are read as another reader reads them, or refused with a sentence. */
class CsvFuzzTest {

    private static final String COLUMN = "value";
    private static final List<String> PIECES = List.of(",", ";", "\t", "\"", "\"\"", "\n", "\r\n", "\r", " ", "\uFEFF",
            "e", "E9",
            "-", "+", ".", "0x1p3", "d", "f", "NaN", "Infinity", "1e302", "1e999", "1e-999", "\u0661", "\u00A0",
            "\u2212",
            "\u0000", "value", "value,value", "\"1,5\"", "#", "'", "\\", "%", "1_000", "9".repeat(400), "0", "00");
    private static final Pattern CELL = Pattern.compile("\\s*(?:\"((?:[^\"]|\"\")*)\"|([^\",]*))\\s*(,|$)");

    @TempDir
    private Path directory;

    @Test
    void aChangedFileIsReadRightOrRefused() {
        Path file = directory.resolve("data.csv");
        int[] trained = {0};
        Fuzz.run("CSV", random -> {
            byte[] bytes = changed(random);
            Files.write(file, bytes);
            try {
                double[] values = CsvColumn.read(file, COLUMN);
                assertArrayEquals(expected(new String(bytes, StandardCharsets.UTF_8)), values, 0.0);
            } catch (BadInputException e) {
                assertSentence(e.getMessage());
            }
            if (random.nextInt(50) == 0) {
                train(file, random.nextInt(1, 4));
                trained[0]++;
            }
        });
        System.out.println("CSV: " + trained[0] + " of them were given to train");
    }

    private static void assertSentence(String sentence) {
        assertTrue(sentence.endsWith(".") && sentence.lines().count() == 1 && sentence.length() < 2000, sentence);
    }

    private void train(Path file, int season) throws IOException {
        Path report = directory.resolve("report.json");
        CommandRun run =
                CommandRun.of("train", "--device", "cpu", "--threads", "1", "--data", file.toString(), "--column",
                        COLUMN, "--season", Integer.toString(season), "--epochs", "1", "--hidden", "2", "--out",
                        directory.toString(), "--report", report.toString());
        String output = run.out() + run.err();
        assertFalse(output.contains("\tat "), output);
        if (run.exitCode() == ExitCode.OK) {
            String text = output + Files.readString(report);
            assertFalse(text.contains("NaN") || text.contains("Infinity"), text);
        } else {
            assertTrue(run.exitCode() == ExitCode.BAD_INPUT || run.exitCode() == ExitCode.BAD_RESULT, output);
            assertSentence(run.err().strip());
        }
    }

    private static byte[] changed(Random random) {
        StringBuilder text = new StringBuilder();
        int columns = 1 + random.nextInt(3);
        int place = random.nextInt(columns);
        String end = random.nextInt(4) == 0 ? "\r\n" : "\n";
        double scale = random.nextInt(5) == 0 ? Math.pow(10, random.nextInt(-310, 306)) : 1;
        int lines = random.nextInt(10) == 0 ? random.nextInt(5) : 200 + random.nextInt(20);
        for (int line = 0; line <= lines; line++) {
            for (int column = 0; column < columns; column++) {
                text.append(column > 0 ? "," : "");
                String cell = line == 0 ? column == place ? COLUMN : "c" + column
                        : Double.toString(scale * Math.sin(line + column));
                text.append(random.nextInt(50) == 0 ? '"' + cell + '"' : cell);
            }
            text.append(line == lines && random.nextBoolean() ? "" : end);
        }
        for (int change = random.nextInt(4); change > 0; change--) {
            int at = random.nextInt(text.length());
            int until =
                    Math.min(text.length(), at + (random.nextInt(5) == 0 ? random.nextInt(200) : random.nextInt(3)));
            String piece = PIECES.get(random.nextInt(PIECES.size()));
            switch (random.nextInt(3)) {
                case 0 -> text.insert(at, piece);
                case 1 -> text.replace(at, until, piece);
                default -> text.delete(at, until).append(text.isEmpty() ? "v" : "");
            }
        }
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        if (random.nextInt(10) == 0) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return bytes;
    }

    /** By another way: whole lines, an expression for a cell, and decimals of any size. */
    private static double[] expected(String text) {
        List<Double> values = new ArrayList<>();
        int index = -1;
        int columns = 0;
        for (String line : (text.startsWith("\uFEFF") ? text.substring(1) : text).split("\r\n|\n|\r")) {
            List<String> cells = cells(line);
            if (columns == 0) {
                index = cells.indexOf(COLUMN);
                columns = cells.size();
            } else {
                assertEquals(columns, cells.size(), line);
                String cell = cells.get(index);
                // The exponent of nothing is nothing, and no decimal's where it is long.
                values.add(cell.matches("[+-]?[0.]+[eE].*") ? 0.0 : new BigDecimal(cell).doubleValue());
            }
        }
        return values.stream().mapToDouble(value -> value).toArray();
    }

    private static List<String> cells(String line) {
        List<String> cells = new ArrayList<>();
        Matcher matcher = CELL.matcher(line);
        boolean more = true;
        while (more) {
            assertTrue(matcher.lookingAt(), line);
            cells.add((matcher.group(1) != null ? matcher.group(1).replace("\"\"", "\"") : matcher.group(2)).strip());
            more = !matcher.group(3).isEmpty();
            matcher.region(matcher.end(), line.length());
        }
        assertTrue(matcher.regionStart() == line.length(), line);
        return cells;
    }
}
