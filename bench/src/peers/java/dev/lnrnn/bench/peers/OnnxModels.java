package dev.lnrnn.bench.peers;

import dev.lnrnn.bench.compare.Mode;
import dev.lnrnn.bench.compare.Problem;
import dev.lnrnn.bench.compare.Size;
import dev.lnrnn.bench.peers.OnnxGraph.Attribute;
import java.util.List;

/**
 * The models that ONNX Runtime is measured on. Weights are constants of the model, so that the runtime packs them once,
 * and sizes are fixed, so that it plans its memory once. x and y are (T,N,C) and (T,N,H), as lnrnn's.
 */
final class OnnxModels {

    static final String X = "x";
    static final String Y = "y";
    /** Inputs of the bare products: what stands for the states, and for the gradients of the gates. */
    static final String H = "h";
    static final String D = "d";
    /** Outputs of the bare products. */
    static final String A = "a";
    static final String R = "r";
    static final String DH = "dh";
    static final String DX = "dx";
    static final String DW = "dw";
    static final String DR = "dr";

    /** Of lnrnn's gates i, f, g, o, those of the operator LSTM. */
    private static final int[] IOFG = {0, 3, 1, 2};
    /** And an order that leaves the three sigmoids side by side. */
    private static final int[] IFOG = {0, 1, 3, 2};

    private OnnxModels() {}

    /** The operator LSTM. */
    static byte[] lstm(Problem problem) {
        Size s = problem.size();
        long h = s.hiddenSize();
        float[] bias = new float[Math.toIntExact(8 * h)];
        float[] ours = gates(problem.parameter("bias_l0"), IOFG, 1);
        System.arraycopy(ours, 0, bias, 0, ours.length);
        return new OnnxGraph("lstm")
                .input(X, s.steps(), s.batch(), s.inputSize())
                .output(Y, s.steps(), 1, s.batch(), h)
                .constant("w", gates(problem.parameter("weight_ih_l0"), IOFG, s.inputSize()), 1, 4 * h, s.inputSize())
                .constant("r", gates(problem.parameter("weight_hh_l0"), IOFG, h), 1, 4 * h, h)
                .constant("b", bias, 1, 8 * h)
                .node("LSTM", List.of(X, "w", "r", "b"), List.of(Y), Attribute.integer("hidden_size", h))
                .model();
    }

    /**
     * haste's layer-normalised LSTM: the product with x and its normalisation for all steps at once, then a Scan. The
     * bias b rides in that normalisation.
     */
    static byte[] layerNormalised(Problem problem) {
        Size s = problem.size();
        long h = s.hiddenSize();
        OnnxGraph body = new OnnxGraph("step")
                .input("h_in", s.batch(), h).input("c_in", s.batch(), h).input("a_t", s.batch(), 4 * h)
                .output("h_out", s.batch(), h).output("c_out", s.batch(), h).output("y_t", s.batch(), h)
                .constant("rt", transposed(gates(problem.parameter("weight_hh_l0"), IFOG, h), h), h, 4 * h)
                .constant("gain_h", gates(problem.parameter("layernorm_h_l0.weight"), IFOG, 1), 4 * h)
                .constant("gain_c", problem.parameter("layernorm_c_l0.weight"), h)
                .constant("bias_c", problem.parameter("layernorm_c_l0.bias"), h)
                .extents("three_and_one", 3 * h, h)
                .node("MatMul", List.of("h_in", "rt"), List.of("r"))
                .node("LayerNormalization", List.of("r", "gain_h"), List.of("rho"), lastAxis(), epsilon())
                .node("Add", List.of("a_t", "rho"), List.of("v"))
                .node("Split", List.of("v", "three_and_one"), List.of("v_ifo", "v_g"), lastAxis())
                .node("Sigmoid", List.of("v_ifo"), List.of("ifo"))
                .node("Tanh", List.of("v_g"), List.of("g"))
                .node("Split", List.of("ifo"), List.of("i", "f", "o"), lastAxis())
                .node("Mul", List.of("f", "c_in"), List.of("fc"))
                .node("Mul", List.of("i", "g"), List.of("ig"))
                .node("Add", List.of("fc", "ig"), List.of("c_out"))
                .node("LayerNormalization", List.of("c_out", "gain_c", "bias_c"), List.of("k"), lastAxis(), epsilon())
                .node("Tanh", List.of("k"), List.of("q"))
                .node("Mul", List.of("o", "q"), List.of("h_out"))
                .node("Identity", List.of("h_out"), List.of("y_t"));
        float[] zeros = new float[Math.toIntExact(s.batch() * h)];
        float[] w = gates(problem.parameter("weight_ih_l0"), IFOG, s.inputSize());
        return new OnnxGraph("layer_normalised_lstm")
                .input(X, s.steps(), s.batch(), s.inputSize())
                .output(Y, s.steps(), s.batch(), h)
                .constant("wt", transposed(w, s.inputSize()), s.inputSize(), 4 * h)
                .constant("gain_i", gates(problem.parameter("layernorm_i_l0.weight"), IFOG, 1), 4 * h)
                .constant("b", gates(problem.parameter("bias_l0"), IFOG, 1), 4 * h)
                .constant("h0", zeros, s.batch(), h)
                .constant("c0", zeros, s.batch(), h)
                .node("MatMul", List.of(X, "wt"), List.of("xw"))
                .node("LayerNormalization", List.of("xw", "gain_i", "b"), List.of("a"), lastAxis(), epsilon())
                .node("Scan", List.of("h0", "c0", "a"), List.of("hn", "cn", Y), Attribute.graph("body", body),
                        Attribute.integer("num_scan_inputs", 1))
                .model();
    }

    /**
     * The matrix products of an LSTM and nothing else: x W' at once and a product with R' for each step; for training
     * also a product with R for each step, and those of dx, dW and dR at once. No step waits for numbers of another.
     */
    static byte[] products(Problem problem, Mode mode) {
        Size s = problem.size();
        long h = s.hiddenSize();
        float[] w = problem.parameter("weight_ih_l0");
        float[] r = problem.parameter("weight_hh_l0");
        OnnxGraph graph = new OnnxGraph("products")
                .input(X, s.steps(), s.batch(), s.inputSize()).input(H, s.steps(), s.batch(), h)
                .output(A, s.steps(), s.batch(), 4 * h).output(R, s.steps(), s.batch(), 4 * h)
                .constant("wt", transposed(w, s.inputSize()), s.inputSize(), 4 * h)
                .node("MatMul", List.of(X, "wt"), List.of(A))
                .node("Scan", List.of(H), List.of(R), stepwise(s, transposed(r, h), h, 4 * h),
                        Attribute.integer("num_scan_inputs", 1));
        if (mode == Mode.TRAIN) {
            Attribute transA = Attribute.integer("transA", 1);
            graph.input(D, s.steps(), s.batch(), 4 * h)
                    .output(DH, s.steps(), s.batch(), h).output(DX, s.steps(), s.batch(), s.inputSize())
                    .output(DW, 4 * h, s.inputSize()).output(DR, 4 * h, h)
                    .constant("w", w, 4 * h, s.inputSize())
                    .extents("rows_d", s.steps() * s.batch(), 4 * h)
                    .extents("rows_x", s.steps() * s.batch(), s.inputSize())
                    .extents("rows_h", s.steps() * s.batch(), h)
                    .node("Scan", List.of(D), List.of(DH), stepwise(s, r, 4 * h, h),
                            Attribute.integer("num_scan_inputs", 1))
                    .node("MatMul", List.of(D, "w"), List.of(DX))
                    .node("Reshape", List.of(D, "rows_d"), List.of("d_rows"))
                    .node("Reshape", List.of(X, "rows_x"), List.of("x_rows"))
                    .node("Reshape", List.of(H, "rows_h"), List.of("h_rows"))
                    .node("Gemm", List.of("d_rows", "x_rows"), List.of(DW), transA)
                    .node("Gemm", List.of("d_rows", "h_rows"), List.of(DR), transA);
        }
        return graph.model();
    }

    /** y = x b of square matrices. */
    static byte[] squareProduct(float[] b, int size) {
        return new OnnxGraph("product").input(X, size, size).output(Y, size, size).constant("b", b, size, size)
                .node("MatMul", List.of(X, "b"), List.of(Y)).model();
    }

    private static Attribute stepwise(Size s, float[] weight, long rows, long columns) {
        return Attribute.graph("body", new OnnxGraph("step")
                .input("in_t", s.batch(), rows).output("out_t", s.batch(), columns)
                .constant("weight", weight, rows, columns)
                .node("MatMul", List.of("in_t", "weight"), List.of("out_t")));
    }

    private static Attribute lastAxis() {
        return Attribute.integer("axis", -1);
    }

    private static Attribute epsilon() {
        return Attribute.real("epsilon", Problem.EPSILON);
    }

    /** The blocks of rows that belong to the gates, in another order. */
    private static float[] gates(float[] values, int[] order, long columns) {
        int block = values.length / order.length;
        if (block % columns != 0) {
            throw new IllegalArgumentException(values.length + " values are not rows of " + columns);
        }
        float[] reordered = new float[values.length];
        for (int gate = 0; gate < order.length; gate++) {
            System.arraycopy(values, order[gate] * block, reordered, gate * block, block);
        }
        return reordered;
    }

    private static float[] transposed(float[] values, long columns) {
        int width = Math.toIntExact(columns);
        int height = values.length / width;
        float[] result = new float[values.length];
        for (int row = 0; row < height; row++) {
            for (int column = 0; column < width; column++) {
                result[column * height + row] = values[row * width + column];
            }
        }
        return result;
    }
}
