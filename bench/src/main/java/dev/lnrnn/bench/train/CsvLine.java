package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadInputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A line of a CSV file (RFC 4180: cells are separated by commas and may be quoted), with a cell's end at the line's end:
 * a quote that was left open would otherwise take lines, which are points, for part of a cell.
 *
 * @param number counted from 1
 */
record CsvLine(String file, int number, String text) {

    private static final int MOST_CHARACTERS_SHOWN = 40;

    /** The lines of a file. */
    static final class Source {

        /** More than tables have; less than memory. */
        private static final int LONGEST_LINE = 1 << 20;

        private final BufferedReader reader;
        private final String file;
        private int number;

        Source(BufferedReader reader, String file) {
            this.reader = reader;
            this.file = file;
        }

        /** The next line, without its end (LF, CR or both); null after the last. */
        @Nullable
        CsvLine next() throws IOException {
            int c = reader.read();
            if (c < 0) {
                return null;
            }
            number++;
            StringBuilder text = new StringBuilder();
            while (c >= 0 && c != '\n' && c != '\r') {
                // Spreadsheets like to begin their files with a byte order mark.
                if (number > 1 || c != '\uFEFF' || !text.isEmpty()) {
                    text.append((char) c);
                }
                if (text.length() > LONGEST_LINE) {
                    throw new BadInputException("Line " + number + " of " + file + " has more than " + LONGEST_LINE
                            + " characters.");
                }
                c = reader.read();
            }
            if (c == '\r') {
                reader.mark(1);
                if (reader.read() != '\n') {
                    reader.reset();
                }
            }
            return new CsvLine(file, number, text.toString());
        }
    }

    boolean isBlank() {
        return text.isBlank();
    }

    /** Without blanks around them. */
    List<String> cells() {
        List<String> cells = new ArrayList<>();
        int from = 0;
        do {
            int start = skipBlanks(from);
            if (start < text.length() && text.charAt(start) == '"') {
                from = addQuoted(start + 1, cells);
            } else {
                from = addPlain(start, cells);
            }
        } while (from <= text.length());
        return cells;
    }

    /** Adds the cell that begins there; answers where the next one begins, beyond the end where there is none. */
    private int addPlain(int start, List<String> cells) {
        int comma = text.indexOf(',', start);
        int end = comma < 0 ? text.length() : comma;
        String cell = text.substring(start, end);
        if (cell.indexOf('"') >= 0) {
            throw refusal("has the quote of " + shown(cell) + " inside of a cell that is not quoted");
        }
        cells.add(cell.strip());
        return end + 1;
    }

    /** Likewise. */
    private int addQuoted(int start, List<String> cells) {
        StringBuilder cell = new StringBuilder();
        int i = start;
        while (true) {
            int quote = text.indexOf('"', i);
            if (quote < 0) {
                throw refusal("opens a quote that it does not close");
            }
            cell.append(text, i, quote);
            if (quote + 1 == text.length() || text.charAt(quote + 1) != '"') {
                i = skipBlanks(quote + 1);
                break;
            }
            cell.append('"');
            i = quote + 2;
        }
        if (i < text.length() && text.charAt(i) != ',') {
            throw refusal("goes on behind the quote that closes \"" + shown(cell.toString()) + "\"");
        }
        cells.add(cell.toString().strip());
        return i + 1;
    }

    private int skipBlanks(int from) {
        int i = from;
        while (i < text.length() && Character.isWhitespace(text.charAt(i))) {
            i++;
        }
        return i;
    }

    private BadInputException refusal(String what) {
        return new BadInputException("Line " + number + " of " + file + " " + what + ".");
    }

    /** As it can stand in a sentence. */
    static String shown(String cell) {
        String line = cell.codePoints().limit(MOST_CHARACTERS_SHOWN)
                .map(c -> Character.isISOControl(c) ? '\uFFFD' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
        return cell.codePointCount(0, cell.length()) > MOST_CHARACTERS_SHOWN ? line + "..." : line;
    }
}
