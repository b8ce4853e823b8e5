package dev.lnrnn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.interop.FileReplacement;
import dev.lnrnn.interop.Safetensors;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program that saves again and again is killed: the file is whole, and never older than what it said was saved. */
class SaveKilledTest {
    private enum Signal {
        KILL(9), INT(2), TERM(15);

        private final int number;

        Signal(int number) {
            this.number = number;
        }
    }

    private static final LayerSpec SPEC = LayerSpec.lstm(64, 64);
    private static final int MAX_DELAY_MILLIS = 60;

    private int left;

    @Test
    void theFileIsWholeAndNeverOlder(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("layer.safetensors");
        List<Signal> signals = heeded();
        FuzzRun.repeat("killed saves", 8,
                (random, call) -> kill(file, random, signals.get((int) (call % signals.size()))));
        System.out.printf("killed saves: %d left a part file%n", left);
    }

    /** A program ignores what the one that started it ignored: INT, where a shell started that in the background. */
    private static List<Signal> heeded() throws IOException {
        String ignored = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("SigIgn:")).findFirst().orElseThrow();
        long mask = Long.parseUnsignedLong(ignored.substring("SigIgn:".length()).strip(), 16);
        Map<Boolean, List<Signal>> signals = Arrays.stream(Signal.values())
                .collect(Collectors.partitioningBy(signal -> (mask >>> (signal.number - 1) & 1) == 0));
        if (!signals.get(false).isEmpty()) {
            System.out.println("killed saves: not by " + signals.get(false) + ", which this program ignores");
        }
        return signals.get(true);
    }

    private void kill(Path file, Random random, Signal signal) throws IOException, InterruptedException {
        long delay = random.nextInt(MAX_DELAY_MILLIS);
        Process saver = ChildJvm.command(List.of("-XX:TieredStopAtLevel=1", "-cp", ChildJvm.classPath(),
                Saver.class.getName(), file.toString())).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (BufferedReader saved = saver.inputReader()) {
            String line = saved.readLine();
            assertTrue(line != null, "the saver ended before it saved");
            Thread.sleep(delay);
            assertEquals(0, new ProcessBuilder("kill", "-" + signal, Long.toString(saver.pid())).start().waitFor());
            int last = 0;
            for (; line != null; line = saved.readLine()) {
                last = Integer.parseInt(line);
            }
            assertTrue(saver.waitFor(30, TimeUnit.SECONDS), "still there after " + signal);
            int found = generation(file);
            assertTrue(found == last || found == last + 1, found + " stands there after " + last + " and " + signal);
            left += names(file).size() > 1 ? 1 : 0;
            FileReplacement.checkWritable(file);
            assertEquals(List.of(file.getFileName().toString()), names(file));
        } finally {
            saver.destroyForcibly();
        }
    }

    /** The number that every bias of the file has. */
    private static int generation(Path file) throws IOException {
        // In memory: reading the path would already remove what is left.
        Safetensors read = Safetensors.read(Files.readAllBytes(file));
        assertEquals(SPEC.toMetadata(), read.metadata());
        float[] bias = read.floats("bias_l0");
        for (float value : bias) {
            assertEquals(bias[0], value);
        }
        return (int) bias[0];
    }

    private static List<String> names(Path file) throws IOException {
        try (Stream<Path> files = Files.list(file.getParent())) {
            return files.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    /** The program: goes on where the file is, and says what it has saved. */
    static final class Saver {
        public static void main(String[] arguments) throws IOException {
            Path file = Path.of(arguments[0]);
            try (Device device = Device.cpu(); Layer layer = device.createLayer(SPEC).initialize(1)) {
                float[] bias = layer.parameters().get("bias_l0");
                for (int next = Files.exists(file) ? generation(file) + 1 : 1;; next++) {
                    Arrays.fill(bias, next);
                    layer.parameters().set("bias_l0", bias);
                    layer.save(file);
                    System.out.println(next);
                }
            }
        }
    }
}
