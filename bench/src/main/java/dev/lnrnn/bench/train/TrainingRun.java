package dev.lnrnn.bench.train;

import java.io.IOException;
import java.nio.file.Path;

/**
 * The epochs of one training, with progress, and a checkpoint now and then, at the end, and when the
 * user stops it.
 */
final class TrainingRun {

    private static final int EPOCHS_PER_CHECKPOINT = 25;

    private final Model model;
    private final Task task;
    private final Inputs inputs;
    private final Scaler scaler;
    private final Path checkpoint;

    TrainingRun(Model model, Task task, Inputs inputs, Scaler scaler, Path checkpoint) {
        this.model = model;
        this.task = task;
        this.inputs = inputs;
        this.scaler = scaler;
        this.checkpoint = checkpoint;
    }

    /**
     * @param epochs whole epochs that were run
     * @param firstLoss mean over the first epoch
     * @param lastLoss mean over the last whole epoch
     * @param stopped whether the user ended it early
     */
    record Outcome(int epochs, double firstLoss, double lastLoss, double stepsPerSecond, boolean stopped) {
    }

    /** Returns with the model's latest state in the checkpoint. */
    Outcome run(int epochs, long seed, Progress progress, StopRequest stop) throws IOException {
        try (Trainer trainer = new Trainer(model, inputs, task.trainingOrigins(), epochs, seed)) {
            long start = System.nanoTime();
            double firstLoss = Double.NaN;
            double lastLoss = Double.NaN;
            double rate = 0;
            int epoch = 0;
            while (epoch < epochs) {
                double loss = epoch(trainer, stop);
                if (stop.requested()) {
                    break;
                }
                epoch++;
                firstLoss = epoch == 1 ? loss : firstLoss;
                lastLoss = loss;
                rate = (double) epoch * trainer.stepsPerEpoch() / ((System.nanoTime() - start) * 1e-9);
                progress.epoch(epoch, loss, rate);
                if (epoch % EPOCHS_PER_CHECKPOINT == 0) {
                    Checkpoint.save(checkpoint, model, task, scaler, epoch);
                }
            }
            Checkpoint.save(checkpoint, model, task, scaler, epoch);
            return new Outcome(epoch, firstLoss, lastLoss, rate, stop.requested());
        }
    }

    /** The mean loss of an epoch, which ends early where that is requested. */
    private static double epoch(Trainer trainer, StopRequest stop) {
        double sum = 0;
        int steps = 0;
        while (steps < trainer.stepsPerEpoch() && !stop.requested()) {
            sum += trainer.step();
            steps++;
        }
        return sum / steps;
    }
}
