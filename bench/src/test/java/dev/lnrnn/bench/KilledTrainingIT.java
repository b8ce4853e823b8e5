package dev.lnrnn.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lnrnn.interop.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Trainings that are killed at random moments: every file is whole, and none has been replaced by less. Runs for
 * {@code fuzz.seconds}; {@code fuzz.seed} repeats the moments, not what the machine does in them.
 */
@EnabledOnOs(OS.LINUX)
class KilledTrainingIT {

    private static final int SECONDS = Integer.getInteger("fuzz.seconds", 12);
    private static final long SEED = Long.getLong("fuzz.seed", System.nanoTime());
    private static final int EPOCHS = 26;
    private static final List<String> SIGNALS = List.of("KILL", "INT", "TERM");

    @TempDir
    private Path directory;

    private Path data;
    private Path out;

    @BeforeEach
    void writeSeries() throws IOException {
        data = Files.writeString(directory.resolve("data.csv"), IntStream.range(0, 300)
                .mapToObj(i -> Double.toString(Math.sin(0.3 * i))).collect(Collectors.joining("\n", "v\n", "\n")));
        out = directory.resolve("out");
    }

    private List<String> command(int epochs) {
        // A build that runs in the background ignores SIGINT, and its children inherit that.
        List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
        command.addAll(Jar.command(Jar.JAVA_HOME, List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"), "train",
                "--device", "cpu", "--threads", "1", "--hidden", "4", "--data", data.toString(), "--column", "v",
                "--epochs", Integer.toString(epochs), "--out", out.toString()));
        return command;
    }

    @Test
    void filesAreWholeAndNeverPoorer() throws Exception {
        System.out.println("fuzz.seed=" + SEED);
        Random random = new Random(SEED);
        long start = System.nanoTime();
        Jar.Result first = Jar.run(command(EPOCHS));
        assertEquals(ExitCode.OK, first.exitCode(), first.output());
        long whole = System.nanoTime() - start;
        int kills = 0;
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        int least = EPOCHS;
        while (System.nanoTime() < end) {
            // Shorter than what stands there, as long, and longer: those that come to their end replace it.
            int epochs = EPOCHS + random.nextInt(3 * EPOCHS);
            String signal = SIGNALS.get(random.nextInt(SIGNALS.size()));
            Process process = new ProcessBuilder(command(epochs)).redirectErrorStream(true)
                    .redirectOutput(directory.resolve("output.txt").toFile()).start();
            boolean ended = process.waitFor((long) (random.nextDouble() * 1.5 * whole), TimeUnit.NANOSECONDS);
            new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).redirectErrorStream(true).start()
                    .waitFor();
            kills += ended ? 0 : 1;
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), "still running a minute after SIG" + signal);
            int now = epochsOfWholeFiles();
            String state = signal + " in a training of " + epochs + ", " + least + " before, " + now + " now: "
                    + Files.readString(directory.resolve("output.txt"));
            assertTrue(now >= least || now == epochs, state);
            least = now;
        }
        System.out.println(kills + " trainings were killed");
        assertTrue(kills > 0);
        Jar.Result last = Jar.run(command(EPOCHS));
        assertEquals(ExitCode.OK, last.exitCode(), last.output());
        assertEquals(EPOCHS, epochsOfWholeFiles());
        assertEquals(List.of("chart.png", "checkpoint.safetensors", "report.json"), names());
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(out)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private int epochsOfWholeFiles() throws IOException {
        assertEquals(300 / 5,
                new ObjectMapper().readTree(out.resolve("report.json").toFile()).at("/holdout/model").size());
        assertEquals(1200, ImageIO.read(out.resolve("chart.png").toFile()).getWidth());
        try (Safetensors checkpoint = Safetensors.read(out.resolve("checkpoint.safetensors"))) {
            float sum = 0;
            for (float weight : checkpoint.floats("head.weight")) {
                sum += Math.abs(weight);
            }
            assertTrue(sum > 0 && Float.isFinite(sum), "not trained");
            return Integer.parseInt(checkpoint.metadata().get("epochs"));
        }
    }

    /** The chart is the largest of the three, and the last. */
    @Test
    void aFullDiskLeavesNothingHalfWritten() throws Exception {
        Jar.Result good = Jar.run(command(1));
        assertEquals(ExitCode.OK, good.exitCode(), good.output());
        byte[] chart = Files.readAllBytes(out.resolve("chart.png"));
        // Two writings: no file at all where there is none, the old one where there is one.
        for (boolean there : new boolean[] {true, false}) {
            if (!there) {
                Files.delete(out.resolve("chart.png"));
            }
            Jar.Result full = Jar.run(limited(32));
            assertEquals(ExitCode.BAD_INPUT, full.exitCode(), full.output());
            assertTrue(full.output().contains(out.resolve("chart.png") + ": cannot be written: "), full.output());
            assertFalse(full.output().contains("\tat "), full.output());
            assertEquals(there, Files.exists(out.resolve("chart.png")));
            assertTrue(!there || Arrays.equals(chart, Files.readAllBytes(out.resolve("chart.png"))));
            assertEquals(there ? 3 : 2, names().size(), names().toString());
        }
        byte[] checkpoint = Files.readAllBytes(out.resolve("checkpoint.safetensors"));
        Jar.Result full = Jar.run(limited(1));
        assertEquals(ExitCode.BAD_INPUT, full.exitCode(), full.output());
        assertTrue(full.output().contains(out.resolve("checkpoint.safetensors") + ": cannot be written: "),
                full.output());
        assertTrue(Arrays.equals(checkpoint, Files.readAllBytes(out.resolve("checkpoint.safetensors"))));
        assertEquals(2, names().size(), names().toString());
    }

    /** A process that writes no file beyond so many KiB; the library is read from where it was extracted before. */
    private List<String> limited(int kibibytes) {
        List<String> java = command(1);
        int options = java.indexOf("-jar");
        java.add(options, "-XX:-UsePerfData");
        List<String> command =
                new ArrayList<>(List.of("bash", "-c", "ulimit -f " + kibibytes + "; exec \"$@\"", "bash"));
        command.addAll(java);
        return command;
    }
}
