package dev.lnrnn.bench.latency;

import dev.lnrnn.Device;
import dev.lnrnn.Layer;
import dev.lnrnn.LayerSpec;
import dev.lnrnn.Library;

/**
 * A program that computes one result, the README's, and ends: what {@link ColdStart} starts in JVMs of their own. It
 * prints the moments at which it had come so far, by {@link System#nanoTime}.
 */
public final class FirstResult {

    private static final int STEPS = 20;
    private static final int BATCH = 4;
    private static final int INPUT = 64;

    private FirstResult() {}

    public static void main(String[] args) {
        long main = System.nanoTime();
        Library.location();
        long library = System.nanoTime();
        try (Device device = Device.best()) {
            long opened = System.nanoTime();
            try (Layer layer = device.createLayer(LayerSpec.lstm(INPUT, 128)).initialize(42)) {
                long created = System.nanoTime();
                float[] y = layer.forward(input(), STEPS, BATCH).y();
                long result = System.nanoTime();
                print("main", main);
                print("library", library);
                print("device", opened);
                print("layer", created);
                print("forward", result);
                print("outputs", y.length);
            }
        }
    }

    private static float[] input() {
        float[] x = new float[STEPS * BATCH * INPUT];
        for (int i = 0; i < x.length; i++) {
            x[i] = (float) Math.sin(i);
        }
        return x;
    }

    private static void print(String name, long value) {
        System.out.println(name + "=" + value);
    }
}
