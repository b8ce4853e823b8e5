package dev.lnrnn.bench.peers;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.LongStream;

/** A model and its inputs and outputs, which stay where they are: a run copies nothing between Java and the runtime. */
final class OnnxSession implements AutoCloseable {

    private final OrtEnvironment environment;
    private final OrtSession session;
    private final Map<String, OnnxTensor> inputs = new HashMap<>();
    private final Map<String, OnnxTensor> outputs = new HashMap<>();
    private final Map<String, FloatBuffer> outputMemory = new HashMap<>();

    OnnxSession(OrtEnvironment environment, OrtSession session) {
        this.environment = environment;
        this.session = session;
    }

    OnnxSession input(String name, float[] values, long... shape) {
        FloatBuffer memory = memory(values.length);
        memory.put(0, values);
        inputs.put(name, tensor(memory, shape));
        return this;
    }

    OnnxSession output(String name) {
        long[] shape = shape(name);
        FloatBuffer memory = memory(Math.toIntExact(LongStream.of(shape).reduce(1, Math::multiplyExact)));
        outputs.put(name, tensor(memory, shape));
        outputMemory.put(name, memory);
        return this;
    }

    void run() {
        try {
            session.run(inputs, outputs).close();
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime refuses to run: " + e.getMessage(), e);
        }
    }

    /** What the last run left in an output. */
    float[] values(String name) {
        FloatBuffer memory = Objects.requireNonNull(outputMemory.get(name), name);
        float[] values = new float[memory.capacity()];
        memory.get(0, values);
        return values;
    }

    private long[] shape(String name) {
        try {
            NodeInfo output = Objects.requireNonNull(session.getOutputInfo().get(name), name);
            return ((TensorInfo) output.getInfo()).getShape();
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime does not describe " + name + ": " + e.getMessage(), e);
        }
    }

    private OnnxTensor tensor(FloatBuffer memory, long... shape) {
        try {
            return OnnxTensor.createTensor(environment, memory, shape);
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime refuses a tensor: " + e.getMessage(), e);
        }
    }

    private static FloatBuffer memory(int elements) {
        return ByteBuffer.allocateDirect(Math.multiplyExact(elements, Float.BYTES)).order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    @Override
    public void close() {
        inputs.values().forEach(OnnxTensor::close);
        outputs.values().forEach(OnnxTensor::close);
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime does not close: " + e.getMessage(), e);
        }
    }
}
