package dev.lnrnn.bench.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lnrnn.CellType;
import dev.lnrnn.Device;
import dev.lnrnn.Normalization;
import dev.lnrnn.bench.BadResultException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Nothing is replaced by less. */
class TrainingRunTest {

    private static final Network NETWORK = new Network(CellType.GRU, Normalization.NONE, 1, false, 4, 0, 0, 0);

    @TempDir
    private Path directory;

    private static Task task() {
        double[] values = new double[300];
        Arrays.setAll(values, i -> Math.sin(0.3 * i));
        return new Task(new Series("sine", values, List.of(1.0)), 1);
    }

    private Path checkpoint() {
        return directory.resolve("checkpoint.safetensors");
    }

    /** Runs epochs, and is told to stop once one of them, counted from 1, is over; before the first where 0 is one. */
    private TrainingRun.Outcome run(int epochs, IntPredicate stopAfter, float headWeight) throws IOException {
        Task task = task();
        Scaler scaler = task.scaler();
        Inputs inputs = Inputs.of(task, scaler);
        boolean[] stop = {stopAfter.test(0)};
        Progress progress = new Progress() {
            @Override
            public void epoch(int epoch, double loss, double stepsPerSecond) {
                stop[0] = stopAfter.test(epoch);
            }

            @Override
            public void close() {
            }
        };
        try (Device device = Device.cpu(); Model model = Model.create(device, NETWORK, inputs.width()).initialize(1)) {
            model.head().weight()[0] = headWeight;
            return new TrainingRun(model, task, inputs, scaler, checkpoint()).run(epochs, 1, progress, () -> stop[0]);
        }
    }

    private String kept(TrainingRun.Outcome outcome) {
        return outcome.whatWasKept(checkpoint());
    }

    @Test
    void anUntrainedNetworkIsNotSaved() throws IOException {
        assertEquals("Stopped before the first epoch was over; there is no checkpoint", kept(run(3, epoch -> true, 0)));
        assertFalse(Files.exists(checkpoint()));
    }

    @Test
    void whatIsStoppedReplacesOnlyWhatHasNotBeenTrainedForMore() throws IOException {
        run(3, epoch -> false, 0);
        byte[] three = Files.readAllBytes(checkpoint());
        assertEquals(3, Checkpoint.epochsIn(checkpoint()));
        assertEquals(
                "Stopped before the first epoch was over; " + checkpoint() + " is unchanged: it has been trained for 3",
                kept(run(9, epoch -> true, 0)));
        assertEquals("Stopped after 2 epochs; " + checkpoint() + " is unchanged: it has been trained for 3",
                kept(run(9, epoch -> epoch == 2, 0)));
        assertArrayEquals(three, Files.readAllBytes(checkpoint()));
        assertEquals("Stopped after 4 epochs; the checkpoint is " + checkpoint(), kept(run(9, epoch -> epoch == 4, 0)));
        assertEquals(4, Checkpoint.epochsIn(checkpoint()));
        run(2, epoch -> false, 0);
        assertEquals(2, Checkpoint.epochsIn(checkpoint()), "all that was asked for");
    }

    /** Also the checkpoints of a training that has not ended, and may never. */
    @Test
    void whileATrainingRunsItReplacesOnlyWhatHasNotBeenTrainedForMore() throws IOException {
        run(60, epoch -> false, 0);
        long[] least = {Long.MAX_VALUE};
        run(80, epoch -> {
            least[0] = Math.min(least[0], Checkpoint.epochsIn(checkpoint()));
            return false;
        }, 0);
        assertEquals(60, least[0]);
        assertEquals(80, Checkpoint.epochsIn(checkpoint()));
    }

    /** What another program has written since the training began counts, too. */
    @Test
    void whatIsStoppedLooksAtWhatItReplaces() throws IOException {
        run(5, epoch -> false, 0);
        byte[] five = Files.readAllBytes(checkpoint());
        Files.delete(checkpoint());
        TrainingRun.Outcome outcome = run(9, epoch -> {
            try {
                Files.write(checkpoint(), five);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return epoch == 3;
        }, 0);
        assertEquals("Stopped after 3 epochs; " + checkpoint() + " is unchanged: it has been trained for 5",
                kept(outcome));
        assertArrayEquals(five, Files.readAllBytes(checkpoint()));
    }

    @Test
    void whatIsNoCheckpointIsReplacedByAWholeTrainingAlone() throws IOException {
        Files.writeString(checkpoint(), "somebody's");
        assertEquals(
                "Stopped after 30 epochs; " + checkpoint() + " is unchanged: it is no checkpoint of this program's",
                kept(run(40, epoch -> epoch == 30, 0)));
        assertEquals("somebody's", Files.readString(checkpoint()));
        run(1, epoch -> false, 0);
        assertEquals(1, Checkpoint.epochsIn(checkpoint()));
    }

    @Test
    void aTrainingThatDivergesFailsAndReplacesNothing() throws IOException {
        run(1, epoch -> false, 0);
        byte[] good = Files.readAllBytes(checkpoint());
        assertEquals("The loss is NaN in epoch 1: the training of GRU NONE has diverged.",
                assertThrows(BadResultException.class, () -> run(2, epoch -> false, Float.NaN)).getMessage());
        assertArrayEquals(good, Files.readAllBytes(checkpoint()));
    }

    @Test
    void parametersThatAreNoNumbersAreNotSaved() throws IOException {
        Task task = task();
        Scaler scaler = task.scaler();
        Inputs inputs = Inputs.of(task, scaler);
        try (Device device = Device.cpu(); Model model = Model.create(device, NETWORK, inputs.width()).initialize(1)) {
            model.head().bias()[0] = Float.POSITIVE_INFINITY;
            String sentence = assertThrows(BadResultException.class,
                    () -> Checkpoint.save(checkpoint(), model, task, scaler, 1)).getMessage();
            assertTrue(sentence.startsWith("The parameter head.bias has become Infinity"), sentence);
        }
        assertFalse(Files.exists(checkpoint()));
    }
}
