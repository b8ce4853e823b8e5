package dev.lnrnn.bench.peers;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** A graph of operators that grows, and becomes an ONNX model or the body of a loop. Field numbers are onnx.proto's. */
final class OnnxGraph {

    /** The first with LayerNormalization. */
    private static final int OPERATORS_VERSION = 17;
    private static final int FORMAT_VERSION = 8;

    private static final int FLOAT = 1;
    private static final int INT64 = 7;

    private final ProtobufWriter graph = new ProtobufWriter();

    OnnxGraph(String name) {
        graph.text(2, name);
    }

    /** An attribute of an operator. */
    record Attribute(ProtobufWriter message) {

        private static final int INT = 2;
        private static final int REAL = 1;
        private static final int GRAPH = 5;

        static Attribute integer(String name, long value) {
            return new Attribute(new ProtobufWriter().text(1, name).integer(3, value).integer(20, INT));
        }

        static Attribute real(String name, double value) {
            return new Attribute(new ProtobufWriter().text(1, name).real(2, (float) value).integer(20, REAL));
        }

        static Attribute graph(String name, OnnxGraph value) {
            return new Attribute(new ProtobufWriter().text(1, name).message(6, value.graph).integer(20, GRAPH));
        }
    }

    OnnxGraph input(String name, long... shape) {
        graph.message(11, value(name, shape));
        return this;
    }

    OnnxGraph output(String name, long... shape) {
        graph.message(12, value(name, shape));
        return this;
    }

    OnnxGraph constant(String name, float[] values, long... shape) {
        ByteBuffer raw = ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        raw.asFloatBuffer().put(values);
        graph.message(5, tensor(name, FLOAT, raw.array(), shape));
        return this;
    }

    /** A shape, for the operators that take one as a tensor. */
    OnnxGraph extents(String name, long... values) {
        ByteBuffer raw = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        raw.asLongBuffer().put(values);
        graph.message(5, tensor(name, INT64, raw.array(), values.length));
        return this;
    }

    OnnxGraph node(String operator, List<String> inputs, List<String> outputs, Attribute... attributes) {
        ProtobufWriter node = new ProtobufWriter();
        inputs.forEach(input -> node.text(1, input));
        outputs.forEach(output -> node.text(2, output));
        node.text(3, outputs.getFirst()).text(4, operator);
        for (Attribute attribute : attributes) {
            node.message(5, attribute.message());
        }
        graph.message(1, node);
        return this;
    }

    byte[] model() {
        return new ProtobufWriter().integer(1, FORMAT_VERSION).text(2, "lnrnn-bench")
                .message(8, new ProtobufWriter().text(1, "").integer(2, OPERATORS_VERSION))
                .message(7, graph).toByteArray();
    }

    private static ProtobufWriter value(String name, long... shape) {
        ProtobufWriter extents = new ProtobufWriter();
        for (long extent : shape) {
            extents.message(1, new ProtobufWriter().integer(1, extent));
        }
        ProtobufWriter tensor = new ProtobufWriter().integer(1, FLOAT).message(2, extents);
        return new ProtobufWriter().text(1, name).message(2, new ProtobufWriter().message(1, tensor));
    }

    private static ProtobufWriter tensor(String name, int type, byte[] raw, long... shape) {
        ProtobufWriter tensor = new ProtobufWriter();
        for (long extent : shape) {
            tensor.integer(1, extent);
        }
        return tensor.integer(2, type).text(8, name).bytes(9, raw);
    }
}
