package dev.lnrnn.bench.compare;

import dev.lnrnn.LayerSpec;
import dev.lnrnn.Normalization;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Parameters and data of one LSTM, alike for all who compute it. Parameters have lnrnn's names and layouts; x is
 * (T,N,C), dy (T,N,H). The initial state is zero.
 */
public final class Problem {

    public static final double EPSILON = 1e-5;

    private static final long SEED = 1;

    private final Size size;
    private final boolean normalized;
    private final float[] x;
    private final float[] dy;
    private final Map<String, float[]> parameters = new LinkedHashMap<>();

    public Problem(Size size, boolean normalized) {
        this.size = size;
        this.normalized = normalized;
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(SEED);
        long rows = size.steps() * size.batch();
        long gates = 4 * size.hiddenSize();
        // As PyTorch initialises its own.
        float weight = (float) (1 / Math.sqrt(size.hiddenSize()));
        x = draw(random, rows * size.inputSize(), -2, 2);
        dy = draw(random, rows * size.hiddenSize(), -1, 1);
        parameters.put("weight_ih_l0", draw(random, gates * size.inputSize(), -weight, weight));
        parameters.put("weight_hh_l0", draw(random, gates * size.hiddenSize(), -weight, weight));
        parameters.put("bias_l0", draw(random, gates, -weight, weight));
        if (normalized) {
            // With gains near 1 a random network is chaotic: of two correct evaluations of a few hundred steps, no
            // digit agrees. With these it forgets, and a long sequence can be compared.
            parameters.put("layernorm_i_l0.weight", draw(random, gates, 0.25f, 0.5f));
            parameters.put("layernorm_h_l0.weight", draw(random, gates, 0.25f, 0.5f));
            parameters.put("layernorm_c_l0.weight", draw(random, size.hiddenSize(), 0.75f, 1.25f));
            parameters.put("layernorm_c_l0.bias", draw(random, size.hiddenSize(), -0.25f, 0.25f));
        }
    }

    private static float[] draw(RandomGenerator random, long elements, float low, float high) {
        float[] values = new float[Math.toIntExact(elements)];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat(low, high);
        }
        return values;
    }

    public Size size() {
        return size;
    }

    public float[] x() {
        return x;
    }

    public float[] dy() {
        return dy;
    }

    public float[] parameter(String name) {
        return Objects.requireNonNull(parameters.get(name), name);
    }

    LayerSpec spec() {
        return LayerSpec.lstm(size.inputSize(), size.hiddenSize()).withEpsilon(EPSILON)
                .withNormalization(normalized ? Normalization.HASTE : Normalization.NONE);
    }
}
