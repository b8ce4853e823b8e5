package dev.lnrnn.bench.peers;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import dev.lnrnn.bench.compare.Contestant;
import dev.lnrnn.bench.compare.Mode;
import dev.lnrnn.bench.compare.Problem;
import dev.lnrnn.bench.compare.Results;
import dev.lnrnn.bench.compare.Size;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A TorchScript module and its arguments. */
final class TorchNetwork implements Contestant {

    private final NDManager manager;
    private final Model model;
    private final PtSymbolBlock module;
    private final Mode mode;
    private final List<Argument> arguments = new ArrayList<>();
    private final PtNDArray dy;

    /**
     * One argument of the call.
     *
     * @param gradient under which name lnrnn has its gradient, empty where it needs none
     */
    private record Argument(PtNDArray array, String gradient) {}

    TorchNetwork(Engine engine, TorchScript script, Problem problem, Mode mode) {
        this.mode = mode;
        manager = engine.newBaseManager();
        model = engine.newModel(script.name(), null);
        try {
            model.load(new ByteArrayInputStream(script.archive(Problem.EPSILON)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (MalformedModelException e) {
            throw new IllegalStateException("libtorch refuses a module: " + e.getMessage(), e);
        }
        module = (PtSymbolBlock) model.getBlock();
        if (mode == Mode.TRAIN) {
            JniUtils.enableTrainingMode(module);
        } else {
            JniUtils.enableInferenceMode(module);
        }
        addArguments(script, problem);
        Size s = problem.size();
        dy = array(problem.dy(), s.steps(), s.batch(), s.hiddenSize());
    }

    private void addArguments(TorchScript script, Problem problem) {
        Size s = problem.size();
        long h = s.hiddenSize();
        arguments.add(new Argument(array(problem.x(), s.steps(), s.batch(), s.inputSize()), Results.DX));
        // The function wants a layer and direction too.
        long[] state = script == TorchScript.LSTM ? new long[] {1, s.batch(), h} : new long[] {s.batch(), h};
        for (int i = 0; i < 2; i++) {
            arguments.add(new Argument((PtNDArray) manager.zeros(new Shape(state)), ""));
        }
        switch (script) {
            case LSTM -> {
                addParameter(problem, "weight_ih_l0", 4 * h, s.inputSize());
                addParameter(problem, "weight_hh_l0", 4 * h, h);
                addParameter(problem, "bias_l0", 4 * h);
                // nn.LSTM has two biases, trains both, and adds them.
                arguments.add(new Argument((PtNDArray) manager.zeros(new Shape(4 * h)), "bias_l0"));
            }
            case LAYER_NORMALISED_LOOP -> {
                addParameter(problem, "weight_ih_l0", 4 * h, s.inputSize());
                addParameter(problem, "layernorm_i_l0.weight", 4 * h);
                addParameter(problem, "weight_hh_l0", 4 * h, h);
                addParameter(problem, "layernorm_h_l0.weight", 4 * h);
                addParameter(problem, "bias_l0", 4 * h);
                addParameter(problem, "layernorm_c_l0.weight", h);
                addParameter(problem, "layernorm_c_l0.bias", h);
            }
        }
    }

    private void addParameter(Problem problem, String name, long... shape) {
        arguments.add(new Argument(array(problem.parameter(name), shape), name));
    }

    private PtNDArray array(float[] values, long... shape) {
        return (PtNDArray) manager.create(values, new Shape(shape));
    }

    @Override
    public void run() {
        try (NDManager scope = manager.newSubManager()) {
            pass(scope);
        }
    }

    @Override
    public double error(Results lnrnn) {
        try (NDManager scope = manager.newSubManager()) {
            return pass(scope).error(lnrnn);
        }
    }

    /** What a pass left, on libtorch's side. */
    private record Outcome(NDArray y, Map<String, PtNDArray> leaves) {

        double error(Results lnrnn) {
            Map<String, float[]> tensors = new HashMap<>();
            tensors.put(Results.Y, y.toFloatArray());
            leaves.forEach((name, leaf) -> tensors.put(name, leaf.getGradient().toFloatArray()));
            return new Results(tensors).error(lnrnn);
        }
    }

    private Outcome pass(NDManager scope) {
        boolean training = mode == Mode.TRAIN;
        // Leaves anew in every pass, without a gradient: backward then stores gradients instead of adding to old ones.
        Map<String, PtNDArray> leaves = new HashMap<>();
        NDList inputs = new NDList();
        for (Argument argument : arguments) {
            PtNDArray leaf = JniUtils.detachGradient(argument.array());
            leaf.attach(scope);
            if (training && !argument.gradient().isEmpty()) {
                JniUtils.attachGradient(leaf, true);
                leaves.put(argument.gradient(), leaf);
            }
            inputs.add(leaf);
        }
        // The engine starts with gradients switched off, for this thread.
        JniUtils.setGradMode(training);
        NDArray y = IValueUtils.forward(module, inputs, training).singletonOrThrow();
        if (training) {
            JniUtils.backward((PtNDArray) y, dy, false, false);
        }
        return new Outcome(y, leaves);
    }

    @Override
    public void close() {
        model.close();
        manager.close();
    }
}
