package dev.lnrnn.bench.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lnrnn.CellType;
import dev.lnrnn.Device;
import dev.lnrnn.Normalization;
import dev.lnrnn.bench.CommandRun;
import dev.lnrnn.bench.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TrainCommandTest {

    @TempDir
    private Path directory;

    private CommandRun train(String... options) {
        return CommandRun.of(Stream.concat(
                Stream.of("train", "--device", "cpu", "--out", directory.resolve("out").toString()),
                Stream.of(options)).toArray(String[]::new));
    }

    private JsonNode reportOf(String... options) throws IOException {
        Path report = directory.resolve("reports").resolve("report.json");
        CommandRun run = train(Stream.concat(Stream.of("--report", report.toString()), Stream.of(options))
                .toArray(String[]::new));
        assertEquals(ExitCode.OK, run.exitCode(), run.out() + run.err());
        return new ObjectMapper().readTree(report.toFile());
    }

    private static double[] doubles(JsonNode array) {
        double[] values = new double[array.size()];
        Arrays.setAll(values, i -> array.get(i).asDouble());
        return values;
    }

    private void assertRefused(String sentence, String... options) {
        CommandRun run = train(options);
        assertEquals(ExitCode.BAD_INPUT, run.exitCode(), run.out());
        assertEquals(sentence + System.lineSeparator(), run.err());
    }

    @Test
    void theReportHasItsFields() throws IOException {
        JsonNode report = reportOf("--epochs", "2", "--hidden", "8");
        assertEquals("cpu", report.get("device").asText());
        assertEquals(2, report.get("epochs").asInt());
        for (String loss : List.of("first_loss", "last_loss", "steps_per_second")) {
            assertTrue(report.get(loss).asDouble() > 0, loss);
        }
        assertTrue(report.get("stream_max_difference").asDouble() < 1e-5, report.get("stream_max_difference").asText());
        JsonNode holdout = report.get("holdout");
        for (String forecaster : List.of("target", "model", "persistence", "seasonal", "ridge")) {
            double[] values = doubles(holdout.get(forecaster));
            assertEquals(1461, values.length, forecaster);
            assertTrue(Arrays.stream(values).allMatch(value -> value > 5000 && value < 15000), forecaster);
        }
        assertEquals(9133, holdout.get("target").get(1460).asDouble());
        for (String file : List.of("checkpoint.safetensors", "chart.png")) {
            assertTrue(Files.size(directory.resolve("out").resolve(file)) > 0, file);
        }
    }

    @Test
    void theSameSeedGivesTheSameNumbers() throws IOException {
        JsonNode first = reportOf("--epochs", "2", "--hidden", "8", "--threads", "2", "--seed", "5");
        JsonNode again = reportOf("--epochs", "2", "--hidden", "8", "--threads", "2", "--seed", "5");
        JsonNode other = reportOf("--epochs", "2", "--hidden", "8", "--threads", "2", "--seed", "6");
        assertEquals(first.get("last_loss"), again.get("last_loss"));
        assertEquals(first.get("holdout"), again.get("holdout"));
        assertNotEquals(first.get("last_loss"), other.get("last_loss"));
    }

    @Test
    void aSeriesOfTheUsersOwnIsLearnt() throws IOException {
        StringBuilder csv = new StringBuilder("day,height\n");
        for (int i = 0; i < 600; i++) {
            csv.append(String.format(Locale.ROOT, "%d,%.6f%n", i, 100 + 10 * Math.sin(i / 3.0)));
        }
        Path data = Files.writeString(directory.resolve("tide.csv"), csv);
        JsonNode report = reportOf("--data", data.toString(), "--column", "height", "--horizon", "2", "--epochs", "150",
                "--hidden", "16");
        JsonNode errors = report.get("errors");
        assertTrue(errors.get("model").asDouble() < errors.get("persistence").asDouble() / 4, errors.toString());
        assertTrue(report.get("last_loss").asDouble() < report.get("first_loss").asDouble() / 2);
    }

    static Stream<Network> networks() {
        return Stream.of(
                new Network(CellType.LSTM, Normalization.HASTE, 1, false, 8, 0.05, 0.1, 0),
                new Network(CellType.LSTM, Normalization.CARRY, 2, false, 5, 0.05, 0, 0.2),
                new Network(CellType.LSTM, Normalization.PER_GATE_CARRY, 1, false, 6, 0.05, 0.1, 0),
                new Network(CellType.GRU, Normalization.HASTE, 2, true, 6, 0, 0.1, 0.1),
                new Network(CellType.GRU, Normalization.JOINT, 1, true, 5, 0.05, 0.1, 0),
                new Network(CellType.INDRNN, Normalization.NONE, 1, true, 7, 0.1, 0, 0));
    }

    @ParameterizedTest
    @MethodSource("networks")
    void aCheckpointIsTheModel(Network network) throws IOException {
        Task task = new Task(Series.shipped(), 1);
        Scaler scaler = task.scaler();
        Inputs inputs = Inputs.of(task, scaler);
        Path file = directory.resolve("checkpoint.safetensors");
        try (Device device = Device.cpu(); Model model = Model.create(device, network, inputs.width()).initialize(3)) {
            Arrays.fill(model.head().weight(), 0.25f);
            model.head().bias()[0] = 1;
            Checkpoint.save(file, model, task, scaler, 0);
            try (Model reloaded = Checkpoint.load(file, device)) {
                assertEquals(network, reloaded.network());
                float[] expected = model.forecast(inputs);
                assertTrue(Arrays.equals(expected, reloaded.forecast(inputs)), "the same bits");
                float[] streamed = reloaded.forecastOneByOne(inputs);
                for (int i = 0; i < expected.length; i++) {
                    assertEquals(expected[i], streamed[i], 1e-5, "row " + i);
                }
            }
        }
    }

    /** A forecast that saw later rows would move when they do. */
    @ParameterizedTest
    @MethodSource("networks")
    void noForecastSeesTheFuture(Network network) {
        Task task = new Task(Series.shipped(), 1);
        Inputs inputs = Inputs.of(task, task.scaler());
        int last = 300;
        float[] x = inputs.x().clone();
        Arrays.fill(x, (last + 1) * inputs.width(), x.length, 1e3f);
        Inputs otherwise = new Inputs(inputs.rows(), inputs.width(), x, inputs.target());
        try (Device device = Device.cpu(); Model model = Model.create(device, network, inputs.width()).initialize(3)) {
            Arrays.fill(model.head().weight(), 0.25f);
            float[] expected = model.forecast(inputs);
            float[] moved = model.forecast(otherwise);
            assertEquals(-1, Arrays.mismatch(expected, 0, last + 1, moved, 0, last + 1));
            assertNotEquals(expected[last + 1], moved[last + 1]);
        }
    }

    @Test
    void everyKindOfNetworkLearns() throws IOException {
        for (List<String> options : List.of(
                List.of("--cell", "gru"),
                List.of("--cell", "indrnn", "--normalization", "none"),
                List.of("--normalization", "paper", "--layers", "2", "--dropout", "0.1"),
                List.of("--cell", "gru", "--bidirectional"))) {
            JsonNode report = reportOf(Stream.concat(options.stream(),
                    Stream.of("--epochs", "300", "--hidden", "16", "--seed", "2")).toArray(String[]::new));
            assertTrue(report.get("last_loss").asDouble() < 0.8 * report.get("first_loss").asDouble(),
                    options + ": " + report.get("first_loss") + " to " + report.get("last_loss"));
            assertTrue(report.get("stream_max_difference").asDouble() < 1e-5, options.toString());
        }
    }

    @Test
    void cellsAreCompared() throws IOException {
        Path out = directory.resolve("cells");
        CommandRun run = CommandRun.of("cells", "--device", "cpu", "--epochs", "1", "--hidden", "4", "--seeds", "2",
                "--out", out.toString());
        assertEquals(ExitCode.OK, run.exitCode(), run.out() + run.err());
        JsonNode rows = new ObjectMapper().readTree(out.resolve("cells.json").toFile()).get("rows");
        // Two stacks and a bidirectional layer besides.
        int networks = Stream.of(CellType.values()).mapToInt(cell -> cell.normalizations().size()).sum() + 3;
        assertEquals(networks, rows.size());
        double last = 0;
        for (JsonNode row : rows) {
            assertEquals(2, row.get("errors").size());
            assertTrue(row.get("median").asDouble() >= last, "best first");
            last = row.get("median").asDouble();
            assertTrue(run.out().contains("| " + row.get("title").asText() + " | "), run.out());
        }
        assertTrue(Files.size(out.resolve("cells.png")) > 0);
    }

    @Test
    void badDataIsOneSentence() throws IOException {
        Path missing = directory.resolve("missing.csv");
        assertRefused("The file " + missing + " does not exist.", "--data", missing.toString(), "--column", "a");
        Path few = Files.writeString(directory.resolve("few.csv"), "a\n" + "1\n".repeat(50));
        assertRefused("The series \"a of few.csv\" has 50 points; training and holding out a part need at least 200.",
                "--data", few.toString(), "--column", "a");
        assertRefused("The file " + few + " has no column \"b\"; its columns, separated by commas, are a.",
                "--data", few.toString(), "--column", "b");
        assertRefused("--data needs --column, the name of the column to learn.", "--data", few.toString());
        assertRefused("--column and --season describe --data, which is missing.", "--column", "a");
        assertRefused("--column and --season describe --data, which is missing.", "--season", "7");
    }

    private Path series(String name, IntToDoubleFunction values) throws IOException {
        return Files.writeString(directory.resolve(name), IntStream.range(0, 300)
                .mapToObj(i -> Double.toString(values.applyAsDouble(i)))
                .collect(Collectors.joining("\n", "v\n", "\n")));
    }

    @Test
    void whatCannotBeLearntIsRefusedBefore() throws IOException {
        String[] options = {"--data", "", "--column", "v", "--epochs", "1", "--hidden", "2"};
        // Its mean is rounded, so that its variance is not 0.
        options[1] = series("constant.csv", i -> 5.1).toString();
        assertRefused("The first 240 points of the series are all 5.1; there is nothing to learn.", options);
        options[1] = series("wide.csv", i -> i % 2 == 0 ? -1e308 : 1e308).toString();
        assertRefused(
                "The points of the series lie between -1.0E308 and 1.0E308, more than 1.0E305 apart: their errors "
                        + "would overflow.",
                options);
        options[1] = series("narrow.csv", i -> i % 7 * Double.MIN_VALUE).toString();
        assertRefused(
                "The first 240 points of the series lie between 0.0 and 3.0E-323, less than 1.0E-290 apart: their "
                        + "errors would underflow.",
                options);
        options[1] = series("far.csv", i -> i == 290 ? 1e13 : Math.sin(i)).toString();
        CommandRun far = train(options);
        assertEquals(ExitCode.BAD_INPUT, far.exitCode());
        assertTrue(far.err().startsWith("Point 291 of the series, 1.0E13, lies 1."), far.err());
        assertEquals("", far.out());
    }

    @Test
    void unusualSeriesGiveNumbers() throws IOException {
        List<Path> all = List.of(
                series("huge.csv", i -> 1e302 * (10 + Math.sin(i))),
                series("huge-both-signs.csv", i -> 4e304 * Math.sin(i)),
                series("tiny.csv", i -> 1e-280 * Math.sin(i)),
                series("far-from-zero.csv", i -> 1e12 + Math.sin(i)),
                // Seasonal-naive and persistence are right throughout.
                series("ends-constant.csv", i -> i < 230 ? Math.sin(i) : 1),
                series("outlier.csv", i -> i == 290 ? 1e9 : Math.sin(i)));
        for (Path data : all) {
            Path report = directory.resolve("report.json");
            CommandRun run = train("--data", data.toString(), "--column", "v", "--epochs", "2", "--hidden", "2",
                    "--report", report.toString());
            assertEquals(ExitCode.OK, run.exitCode(), data + run.err());
            String text = run.out() + Files.readString(report);
            assertFalse(text.contains("NaN") || text.contains("Infinity"), data + text);
            double error = new ObjectMapper().readTree(report.toFile()).at("/errors/model").asDouble();
            assertTrue(error > 0, data.toString());
        }
    }

    @Test
    void badNumbersAreOneSentence() {
        assertRefused("--epochs is 0; expected at least 1.", "--epochs", "0");
        assertRefused("--hidden is -1; expected at least 1.", "--hidden", "-1");
        assertRefused("--layers is 0; expected at least 1.", "--layers", "0");
        assertRefused("There is no such network: normalization is CELL and cell is INDRNN, expected one of the "
                + "normalizations [NONE, HASTE].", "--cell", "indrnn", "--normalization", "cell");
        assertRefused("The horizon is 731; expected 1 to 730, a tenth of the series.", "--horizon", "731");
    }

    @Test
    void aDeviceThatIsNotThereSaysWhy() {
        String reason = Device.unavailableReason("cuda:7");
        Assumptions.assumeTrue(reason != null, "eight GPUs");
        CommandRun run = CommandRun.of("train", "--device", "cuda:7", "--out", directory.toString());
        assertEquals(ExitCode.BAD_INPUT, run.exitCode());
        assertTrue(run.err().contains(reason), run.err());
    }
}
