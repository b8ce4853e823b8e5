package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.bench.PlainNumber;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads one numeric column of a CSV file, see {@link CsvLine}; the first line names the columns. What could mean two
 * things is refused: points are equally spaced, so that one that was dropped, or read for another number, would be
 * learnt without a word. Every refusal names the file, the column, and the line where there is one.
 */
final class CsvColumn {

    private static final Pattern ZERO = Pattern.compile("[+-]?[0.]*([eE].*)?");
    /** Series are learnt from memory. */
    private static final int MOST_POINTS = 10_000_000;
    private static final int MOST_NAMES_SHOWN = 20;

    private final String file;
    private final String column;
    private int columns;
    /** Then what stands there may be decimals. */
    private boolean nextHasNoName;

    private CsvColumn(String file, String column) {
        this.file = file;
        this.column = column;
    }

    /** The numbers of the column, top to bottom. */
    static double[] read(Path path, String column) {
        try (BufferedReader reader = Files.newBufferedReader(path)) {
            return read(reader, path.toString(), column);
        } catch (NoSuchFileException e) {
            throw new BadInputException("The file " + path + " does not exist.");
        } catch (CharacterCodingException e) {
            throw new BadInputException("The file " + path + " is not UTF-8 text.");
        } catch (IOException e) {
            throw new BadInputException("The file " + path + " cannot be read: " + e.getMessage() + ".");
        }
    }

    static double[] read(BufferedReader reader, String file, String column) throws IOException {
        return new CsvColumn(file, column).read(new CsvLine.Source(reader, file));
    }

    private double[] read(CsvLine.Source lines) throws IOException {
        CsvLine header = lines.next();
        if (header == null) {
            throw new BadInputException("The file " + file + " is empty.");
        }
        int index = indexIn(header.cells());
        double[] values = new double[1024];
        int count = 0;
        int blank = 0;
        for (CsvLine line = lines.next(); line != null; line = lines.next()) {
            if (line.isBlank()) {
                blank = blank == 0 ? line.number() : blank;
                continue;
            }
            if (blank > 0) {
                // At the end of a file it means nothing, before another line it may be a point.
                throw refusal(blank, "is blank, so that the column \"" + column + "\" has no number there");
            }
            if (count == MOST_POINTS) {
                throw new BadInputException("The column \"" + column + "\" of " + file + " has more than "
                        + MOST_POINTS + " points.");
            }
            if (count == values.length) {
                values = Arrays.copyOf(values, 2 * count);
            }
            values[count++] = number(line.cells(), index, line.number());
        }
        return Arrays.copyOf(values, count);
    }

    private int indexIn(List<String> names) {
        int index = names.indexOf(column);
        if (index < 0) {
            throw new BadInputException("The file " + file + " has no column \"" + CsvLine.shown(column)
                    + "\"; its columns, separated by commas, are " + list(names) + ".");
        }
        int again = names.lastIndexOf(column);
        if (again != index) {
            throw new BadInputException("Line 1 of " + file + " names two columns \"" + column + "\", those at "
                    + (index + 1) + " and " + (again + 1) + "; expected one.");
        }
        if (PlainNumber.isReal(column)) {
            throw new BadInputException("Line 1 of " + file + " has the number " + column + " where the column \""
                    + column + "\" should have its name; expected names in line 1.");
        }
        columns = names.size();
        nextHasNoName = index + 1 < columns && names.get(index + 1).isEmpty();
        return index;
    }

    private static String list(List<String> names) {
        String list = String.join(", ", names.stream().limit(MOST_NAMES_SHOWN).map(CsvLine::shown).toList());
        return names.size() > MOST_NAMES_SHOWN ? list + " and " + (names.size() - MOST_NAMES_SHOWN) + " more" : list;
    }

    private double number(List<String> cells, int index, int line) {
        if (cells.size() != columns) {
            throw refusal(line, "has " + cells.size() + " cells, the line of names " + columns
                    + ", so that which belongs to the column \"" + column
                    + "\" is not known (a comma separates cells, never decimals)");
        }
        String cell = cells.get(index);
        if (cell.isEmpty()) {
            throw refusal(line, "has nothing in the column \"" + column + "\"");
        }
        if (nextHasNoName && !cells.get(index + 1).isEmpty()) {
            throw refusal(line, "has \"" + CsvLine.shown(cells.get(index + 1)) + "\" behind the column \"" + column
                    + "\", under no name, so that whether it is decimals is not known (a comma separates cells, never "
                    + "decimals)");
        }
        String wrong = whatIsWrongWith(cell);
        if (wrong != null) {
            throw refusal(line, "has \"" + CsvLine.shown(cell) + "\" in the column \"" + column + "\", which is "
                    + wrong);
        }
        return Double.parseDouble(cell);
    }

    private static @Nullable String whatIsWrongWith(String cell) {
        if (!PlainNumber.isReal(cell)) {
            return "not a number: expected digits with at most a sign, a decimal point and an exponent";
        }
        double value = Double.parseDouble(cell);
        if (Double.isInfinite(value)) {
            return "too large for a double";
        }
        return value == 0 && !ZERO.matcher(cell).matches() ? "too small for a double" : null;
    }

    private BadInputException refusal(int line, String what) {
        return new BadInputException("Line " + line + " of " + file + " " + what + ".");
    }
}
