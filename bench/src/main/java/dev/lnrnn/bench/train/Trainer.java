package dev.lnrnn.bench.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.lnrnn.Layer;
import dev.lnrnn.Parameter;
import dev.lnrnn.Sequence;
import dev.lnrnn.Training;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/**
 * Fits a model to random windows of the training part. The recurrent layer runs on its device; inputs,
 * outputs and the flat gradient pass through pinned memory, where the head and the optimiser work.
 * The same seed and the same number of threads give the same numbers.
 */
final class Trainer implements AutoCloseable {

    private static final int LONGEST_WINDOW = 64;
    private static final int BATCH = 32;
    private static final double PEAK_RATE = 6e-3;
    private static final int WARMUP_STEPS = 20;
    private static final double LARGEST_GRADIENT_NORM = 1;

    private final Model model;
    private final Inputs inputs;
    private final int window;
    private final int firstRows;
    private final int stepsPerEpoch;
    private final int totalSteps;
    private final Random random;
    private final Adam adam = new Adam(LARGEST_GRADIENT_NORM);

    private final Arena pinned;
    private final Training training;
    private final MemorySegment x;
    private final MemorySegment y;
    private final MemorySegment dy;
    private final MemorySegment parameters;
    private final MemorySegment gradients;
    private final float[] targets;
    private final float[] forecast;
    private final float[] forecastGradient;
    private int steps;

    /** Rows before {@code trainingOrigins} are trained on, for {@code epochs} times as many rows in all. */
    Trainer(Model model, Inputs inputs, int trainingOrigins, int epochs, long seed) {
        Layer layer = model.layer();
        this.model = model;
        this.inputs = inputs;
        this.window = Math.min(LONGEST_WINDOW, trainingOrigins / 2);
        this.firstRows = trainingOrigins - window + 1;
        this.stepsPerEpoch = Math.ceilDiv(trainingOrigins, window * BATCH);
        this.totalSteps = epochs * stepsPerEpoch;
        this.random = new Random(seed);
        int rows = window * BATCH;
        targets = new float[rows];
        forecast = new float[rows];
        forecastGradient = new float[rows];

        long hidden = layer.spec().hiddenSize();
        pinned = layer.device().pinnedArena();
        training = layer.training(Sequence.timeMajor(window, BATCH));
        x = pinned.allocate(JAVA_FLOAT, (long) rows * inputs.width());
        y = pinned.allocate(JAVA_FLOAT, rows * hidden);
        dy = pinned.allocate(JAVA_FLOAT, rows * hidden);
        long parameterBytes = layer.parameters().buffer().byteSize();
        parameters = pinned.allocate(parameterBytes, Long.BYTES);
        gradients = pinned.allocate(parameterBytes, Long.BYTES);
        layer.parameters().copyTo(parameters);
        for (Parameter parameter : layer.plan().parameters()) {
            long bytes = parameter.elements() * Float.BYTES;
            adam.add(parameters.asSlice(parameter.offsetBytes(), bytes),
                    gradients.asSlice(parameter.offsetBytes(), bytes));
        }
        model.head().addTo(adam);
    }

    int stepsPerEpoch() {
        return stepsPerEpoch;
    }

    /** One forward and backward pass and one move of the optimiser; answers the loss before the move. */
    double step() {
        drawWindows();
        training.setSeed(random.nextLong());
        training.forward(x, null, null, y, null, null);
        model.head().forward(y, forecast);
        double loss = HuberLoss.of(forecast, targets, forecastGradient);
        model.head().backward(y, forecastGradient, dy);
        training.backward(dy, null, null, gradients, null, null, null);
        adam.step(learningRate());
        model.layer().parameters().copyFrom(parameters);
        steps++;
        return loss;
    }

    /** Fills x (window, BATCH, width), time-major, and the targets beside it. */
    private void drawWindows() {
        int width = inputs.width();
        for (int n = 0; n < BATCH; n++) {
            int first = random.nextInt(firstRows);
            for (int t = 0; t < window; t++) {
                int row = t * BATCH + n;
                MemorySegment.copy(inputs.x(), (first + t) * width, x, JAVA_FLOAT,
                        (long) row * width * Float.BYTES, width);
                targets[row] = inputs.target()[first + t];
            }
        }
    }

    /** Rises for a few steps, then falls to zero along a cosine (Loshchilov and Hutter 2017). */
    private double learningRate() {
        double rise = Math.min(1, (steps + 1.0) / WARMUP_STEPS);
        double fall = 0.5 * (1 + Math.cos(Math.PI * steps / totalSteps));
        return PEAK_RATE * rise * fall;
    }

    @Override
    public void close() {
        training.close();
        pinned.close();
    }
}
