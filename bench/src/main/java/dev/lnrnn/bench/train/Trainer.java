package dev.lnrnn.bench.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.lnrnn.Layer;
import dev.lnrnn.LayerSpec;
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
 *
 * <p>A network that reads forward forecasts from every row of a window, and learns from y; one that reads in
 * both directions from the last row alone, and learns from hn.
 */
final class Trainer implements AutoCloseable {

    private static final int LONGEST_WINDOW = 64;
    private static final int BATCH = 32;
    /** Of windows with one forecast each. */
    private static final int BIDIRECTIONAL_BATCH = 128;
    private static final double PEAK_RATE = 6e-3;
    private static final int WARMUP_STEPS = 20;
    private static final double LARGEST_GRADIENT_NORM = 1;

    private final Model model;
    private final Inputs inputs;
    private final LayerSpec spec;
    private final int window;
    private final int batch;
    private final int firstRows;
    private final int stepsPerEpoch;
    private final double totalSteps;
    private final Random random;
    private final Adam adam = new Adam(LARGEST_GRADIENT_NORM);

    private final Arena pinned;
    private final Training training;
    private final MemorySegment x;
    /** What the head reads, and the loss's gradient by it: y and dy, or of hn and dhn what the head sees. */
    private final MemorySegment features;
    private final MemorySegment featuresGradient;
    private final MemorySegment hn;
    private final MemorySegment dhn;
    private final MemorySegment parameters;
    private final MemorySegment gradients;
    private final float[] targets;
    private final float[] forecast;
    private final float[] forecastGradient;
    private long steps;

    /** Rows before {@code trainingOrigins} are trained on, for {@code epochs} times as many rows in all. */
    Trainer(Model model, Inputs inputs, int trainingOrigins, int epochs, long seed) {
        Layer layer = model.layer();
        this.model = model;
        this.inputs = inputs;
        this.spec = layer.spec();
        boolean everyRow = !model.network().bidirectional();
        this.window = Math.min(everyRow ? LONGEST_WINDOW : Model.WINDOW, trainingOrigins / 2);
        this.batch = everyRow ? BATCH : BIDIRECTIONAL_BATCH;
        this.firstRows = trainingOrigins - window + 1;
        this.stepsPerEpoch = Math.ceilDiv(trainingOrigins, window * batch);
        this.totalSteps = (double) epochs * stepsPerEpoch;
        this.random = new Random(seed);
        int forecasts = everyRow ? window * batch : batch;
        targets = new float[forecasts];
        forecast = new float[forecasts];
        forecastGradient = new float[forecasts];

        pinned = layer.device().pinnedArena();
        training = layer.training(Sequence.timeMajor(window, batch));
        x = pinned.allocate(JAVA_FLOAT, (long) window * batch * inputs.width());
        features = pinned.allocate(JAVA_FLOAT, forecasts * spec.outputSize());
        featuresGradient = pinned.allocate(JAVA_FLOAT, forecasts * spec.outputSize());
        hn = pinned.allocate(JAVA_FLOAT, spec.states() * batch * spec.outputWidth());
        dhn = pinned.allocate(JAVA_FLOAT, spec.states() * batch * spec.outputWidth());
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
        forward();
        model.head().forward(features, forecast);
        double loss = HuberLoss.of(forecast, targets, forecastGradient);
        model.head().backward(features, forecastGradient, featuresGradient);
        backward();
        adam.step(learningRate());
        model.layer().parameters().copyFrom(parameters);
        steps++;
        return loss;
    }

    private void forward() {
        if (model.network().bidirectional()) {
            training.forward(x, null, null, null, hn, null);
            LastStates.gather(spec, hn, features);
        } else {
            training.forward(x, null, null, features, null, null);
        }
    }

    private void backward() {
        if (model.network().bidirectional()) {
            LastStates.scatter(spec, featuresGradient, dhn);
            training.backward(null, dhn, null, gradients, null, null, null);
        } else {
            training.backward(featuresGradient, null, null, gradients, null, null, null);
        }
    }

    /** Fills x (window, batch, width), time-major, and the targets of the rows that are forecast from. */
    private void drawWindows() {
        int width = inputs.width();
        int firstForecast = window - targets.length / batch;
        for (int n = 0; n < batch; n++) {
            int first = random.nextInt(firstRows);
            for (int t = 0; t < window; t++) {
                MemorySegment.copy(inputs.x(), (first + t) * width, x, JAVA_FLOAT,
                        (long) (t * batch + n) * width * Float.BYTES, width);
                if (t >= firstForecast) {
                    targets[(t - firstForecast) * batch + n] = inputs.target()[first + t];
                }
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
