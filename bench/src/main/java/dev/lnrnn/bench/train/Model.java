package dev.lnrnn.bench.train;

import dev.lnrnn.Device;
import dev.lnrnn.Layer;
import dev.lnrnn.LayerOutput;
import dev.lnrnn.LoadOptions;
import dev.lnrnn.Streaming;
import dev.lnrnn.interop.Safetensors;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * The forecaster: a recurrent network and a linear head. It answers corrections, as {@link Inputs} has them.
 *
 * <p>A network that reads forward runs through the series once and answers at every row. One that reads in
 * both directions sees {@link #WINDOW} rows at a time, and answers at the last of them.
 */
final class Model implements AutoCloseable {

    /** Rows that a bidirectional network sees. */
    static final int WINDOW = 32;

    private static final int WINDOWS_AT_ONCE = 256;

    private final Network network;
    private final Layer layer;
    private final LinearHead head;

    private Model(Network network, Layer layer) {
        this.network = network;
        this.layer = layer;
        this.head = new LinearHead(Math.toIntExact(layer.spec().outputSize()));
    }

    /** With parameters as the library allocates them: {@link #initialize}, or set them, before use. */
    static Model create(Device device, Network network, int inputSize) {
        return new Model(network, device.createLayer(network.spec(inputSize)));
    }

    /** With the parameters of a file, whose other tensors the caller reads. */
    static Model load(Device device, Safetensors file) throws IOException {
        Layer layer = device.loadLayer(file, LoadOptions.DEFAULTS.withOthers(true));
        return new Model(Network.of(layer.spec()), layer);
    }

    Model initialize(long seed) {
        layer.initialize(seed);
        return this;
    }

    Network network() {
        return network;
    }

    Layer layer() {
        return layer;
    }

    LinearHead head() {
        return head;
    }

    /** How many numbers there are to learn. */
    long parameters() {
        return layer.plan().parameters().stream().mapToLong(parameter -> parameter.elements()).sum()
                + head.weight().length + head.bias().length;
    }

    /** The forecast from each row, as one sequence from the first row on, or from many windows at once. */
    float[] forecast(Inputs inputs) {
        return network.bidirectional() ? forecastWindows(inputs, WINDOWS_AT_ONCE) : forecastSequence(inputs);
    }

    /** The same, one step or one window at a time, as if each row came in when it was observed. */
    float[] forecastOneByOne(Inputs inputs) {
        return network.bidirectional() ? forecastWindows(inputs, 1) : forecastStepByStep(inputs);
    }

    private float[] forecastSequence(Inputs inputs) {
        float[] forecast = new float[inputs.rows()];
        head.forward(MemorySegment.ofArray(layer.forward(inputs.x(), inputs.rows(), 1).y()), forecast);
        return forecast;
    }

    private float[] forecastStepByStep(Inputs inputs) {
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

    /** The windows that end at the first rows are shorter than the others. */
    private float[] forecastWindows(Inputs inputs, int atOnce) {
        float[] forecast = new float[inputs.rows()];
        for (int first = 0; first < forecast.length; first += atOnce) {
            int batch = Math.min(atOnce, forecast.length - first);
            float[] x = new float[WINDOW * batch * inputs.width()];
            long[] lengths = new long[batch];
            for (int n = 0; n < batch; n++) {
                int end = first + n + 1;
                int length = Math.min(WINDOW, end);
                lengths[n] = length;
                for (int t = 0; t < length; t++) {
                    System.arraycopy(inputs.x(), (end - length + t) * inputs.width(), x,
                            (t * batch + n) * inputs.width(), inputs.width());
                }
            }
            LayerOutput output = layer.forward(x, WINDOW, batch, null, lengths);
            MemorySegment features = MemorySegment.ofArray(new float[batch * head.weight().length]);
            LastStates.gather(layer.spec(), MemorySegment.ofArray(output.hn()), features);
            float[] part = new float[batch];
            head.forward(features, part);
            System.arraycopy(part, 0, forecast, first, batch);
        }
        return forecast;
    }

    @Override
    public void close() {
        layer.close();
    }
}
