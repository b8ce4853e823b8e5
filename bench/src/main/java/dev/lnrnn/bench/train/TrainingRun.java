package dev.lnrnn.bench.train;

import dev.lnrnn.bench.BadResultException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;

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
    /** Of what stands in the file. */
    private long epochsThere;

    TrainingRun(Model model, Task task, Inputs inputs, Scaler scaler, Path checkpoint) {
        this.model = model;
        this.task = task;
        this.inputs = inputs;
        this.scaler = scaler;
        this.checkpoint = checkpoint;
        this.epochsThere = Checkpoint.epochsIn(checkpoint);
    }

    /**
     * @param epochs whole epochs that were run
     * @param firstLoss mean over the first epoch
     * @param lastLoss mean over the last whole epoch
     * @param stopped whether the user ended it early
     * @param epochsThere of what the checkpoint's file has now, see {@link Checkpoint#epochsIn}
     * @param saved whether that is this training's
     */
    record Outcome(int epochs, double firstLoss, double lastLoss, double stepsPerSecond, boolean stopped,
            long epochsThere, boolean saved) {

        /** For people, where it was stopped. */
        String whatWasKept(Path checkpoint) {
            String stopped = epochs == 0 ? "Stopped before the first epoch was over; "
                    : "Stopped after " + epochs + " epochs; ";
            if (saved) {
                return stopped + "the checkpoint is " + checkpoint;
            }
            if (epochsThere == 0) {
                return stopped + "there is no checkpoint";
            }
            return stopped + checkpoint + " is unchanged: "
                    + (epochsThere == Checkpoint.NOT_KNOWN ? "it is no checkpoint of this program's"
                            : "it has been trained for " + epochsThere);
        }
    }

    /**
     * Runs them, or as many as there are until {@code stop} says so, which is asked after every step.
     * Until all epochs are over, what stands in the file is replaced only by what has been trained for as many. Returns
     * with the model's latest state in the checkpoint, if that is so.
     *
     * @throws BadResultException if the training diverges; the file then has the last that was saved before
     */
    Outcome run(int epochs, long seed, Progress progress, BooleanSupplier stop) throws IOException {
        try (Trainer trainer = new Trainer(model, inputs, task.trainingOrigins(), epochs, seed)) {
            long start = System.nanoTime();
            double firstLoss = Double.NaN;
            double lastLoss = Double.NaN;
            double rate = 0;
            int epoch = 0;
            while (epoch < epochs) {
                double loss = epoch(trainer, stop);
                if (stop.getAsBoolean()) {
                    break;
                }
                epoch++;
                firstLoss = epoch == 1 ? loss : firstLoss;
                lastLoss = loss;
                if (!Double.isFinite(loss)) {
                    throw new BadResultException("The loss is " + loss + " in epoch " + epoch + ": the training of "
                            + model.network().title() + " has diverged.");
                }
                rate = (double) epoch * trainer.stepsPerEpoch() / ((System.nanoTime() - start) * 1e-9);
                progress.epoch(epoch, loss, rate);
                if (epoch % EPOCHS_PER_CHECKPOINT == 0 && epoch < epochs && replacesNothingRicher(epoch)) {
                    save(epoch);
                }
            }
            boolean saved = epoch == epochs || replacesNothingRicher(epoch) && epoch > 0;
            if (saved) {
                save(epoch);
            }
            return new Outcome(epoch, firstLoss, lastLoss, rate, stop.getAsBoolean(), epochsThere, saved);
        }
    }

    /** Another program may have written the file meanwhile. */
    private boolean replacesNothingRicher(int epoch) {
        epochsThere = Checkpoint.epochsIn(checkpoint);
        return epoch >= epochsThere;
    }

    private void save(int epoch) throws IOException {
        Checkpoint.save(checkpoint, model, task, scaler, epoch);
        epochsThere = epoch;
    }

    /** The mean loss of an epoch, which ends early where that is requested. */
    private static double epoch(Trainer trainer, BooleanSupplier stop) {
        double sum = 0;
        int steps = 0;
        while (steps < trainer.stepsPerEpoch() && !stop.getAsBoolean()) {
            sum += trainer.step();
            steps++;
        }
        return sum / steps;
    }
}
