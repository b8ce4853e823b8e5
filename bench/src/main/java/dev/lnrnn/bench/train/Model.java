package dev.lnrnn.bench.train;

import dev.lnrnn.Device;
import dev.lnrnn.Layer;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Normalization;
import dev.lnrnn.Streaming;
import java.lang.foreign.MemorySegment;

/** The forecaster: a layer-normalised LSTM and a linear head. It answers corrections, as {@link Inputs} has them. */
final class Model implements AutoCloseable {

    /** Zoneout on h and DropConnect on the recurrent weights, both only while training. */
    private static final double ZONEOUT = 0.05;
    private static final double DROPCONNECT = 0.1;

    private final Layer layer;
    private final LinearHead head;

    private Model(Layer layer) {
        this.layer = layer;
        this.head = new LinearHead(Math.toIntExact(layer.spec().hiddenSize()));
    }

    /** With parameters as the library allocates them: {@link #initialize}, or set them, before use. */
    static Model create(Device device, int inputSize, int hiddenSize) {
        LayerSpec spec = LayerSpec.lstm(inputSize, hiddenSize)
                .withNormalization(Normalization.HASTE)
                .withZoneout(ZONEOUT)
                .withDropconnect(DROPCONNECT);
        return new Model(device.createLayer(spec));
    }

    Model initialize(long seed) {
        layer.initialize(seed);
        return this;
    }

    Layer layer() {
        return layer;
    }

    LinearHead head() {
        return head;
    }

    /** The forecast from each row, as one sequence from the first row on. */
    float[] forecast(Inputs inputs) {
        float[] y = layer.forward(inputs.x(), inputs.rows(), 1).y();
        float[] forecast = new float[inputs.rows()];
        head.forward(MemorySegment.ofArray(y), forecast);
        return forecast;
    }

    /** The same, one step at a time, as if each row came in when it was observed. */
    float[] forecastStepByStep(Inputs inputs) {
        float[] forecast = new float[inputs.rows()];
        float[] x = new float[inputs.width()];
        float[] h = new float[head.weight().length];
        float[] one = new float[1];
        try (Streaming streaming = layer.streaming(1)) {
            for (int row = 0; row < forecast.length; row++) {
                System.arraycopy(inputs.x(), row * x.length, x, 0, x.length);
                streaming.step(x, h);
                head.forward(MemorySegment.ofArray(h), one);
                forecast[row] = one[0];
            }
        }
        return forecast;
    }

    @Override
    public void close() {
        layer.close();
    }
}
