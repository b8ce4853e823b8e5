package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadInputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Reads one numeric column of a CSV file (RFC 4180: comma-separated, cells may be quoted, the first
 * line names the columns). Every refusal names the file, and the line where there is one.
 */
final class CsvColumn {

    private final String file;
    private final String column;

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
        return new CsvColumn(file, column).read(reader);
    }

    private double[] read(BufferedReader reader) throws IOException {
        String header = reader.readLine();
        if (header == null) {
            throw new BadInputException("The file " + file + " is empty.");
        }
        int index = indexIn(cells(withoutByteOrderMark(header), 1));
        double[] values = new double[1024];
        int count = 0;
        int line = 1;
        for (String text = reader.readLine(); text != null; text = reader.readLine()) {
            line++;
            if (text.isBlank()) {
                continue;
            }
            if (count == values.length) {
                values = Arrays.copyOf(values, 2 * count);
            }
            values[count++] = number(cells(text, line), index, line);
        }
        return Arrays.copyOf(values, count);
    }

    private int indexIn(List<String> names) {
        int index = names.indexOf(column);
        if (index < 0) {
            throw new BadInputException("The file " + file + " has no column \"" + column
                    + "\"; its columns are " + String.join(", ", names) + ".");
        }
        return index;
    }

    private double number(List<String> cells, int index, int line) {
        if (index >= cells.size()) {
            throw refusal(line, "has " + cells.size() + " cells, so none for the column \"" + column + "\"");
        }
        String cell = cells.get(index);
        double value;
        try {
            value = Double.parseDouble(cell);
        } catch (NumberFormatException e) {
            throw refusal(line, "has \"" + cell + "\" in the column \"" + column + "\", which is not a number");
        }
        if (!Double.isFinite(value)) {
            throw refusal(line, "has " + cell + " in the column \"" + column + "\", which is not finite");
        }
        return value;
    }

    private List<String> cells(String text, int line) {
        List<String> cells = new ArrayList<>();
        StringBuilder cell = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"') {
                boolean escaped = quoted && i + 1 < text.length() && text.charAt(i + 1) == '"';
                if (escaped) {
                    cell.append('"');
                    i++;
                } else {
                    quoted = !quoted;
                }
            } else if (c == ',' && !quoted) {
                cells.add(cell.toString().strip());
                cell.setLength(0);
            } else {
                cell.append(c);
            }
        }
        if (quoted) {
            throw refusal(line, "opens a quote that it does not close");
        }
        cells.add(cell.toString().strip());
        return cells;
    }

    private BadInputException refusal(int line, String what) {
        return new BadInputException("Line " + line + " of " + file + " " + what + ".");
    }

    /** Spreadsheets like to begin their files with one. */
    private static String withoutByteOrderMark(String header) {
        return header.startsWith("\uFEFF") ? header.substring(1) : header;
    }
}
