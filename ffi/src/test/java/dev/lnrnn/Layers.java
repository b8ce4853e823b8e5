package dev.lnrnn;

import dev.lnrnn.oracle.Problem;

/** Problems as layers take them: parameters by name, and arrays of the layer's kind. */
final class Layers {

    private Layers() {}

    /** A layer with a problem's parameters. */
    static Layer of(Device device, Problem problem) {
        Layer layer = device.createLayer(problem.spec());
        for (String name : problem.parameters()) {
            if (isDouble(problem)) {
                layer.parameters().set(name, problem.tensor(name));
            } else {
                layer.parameters().set(name, floats(problem.tensor(name)));
            }
        }
        return layer;
    }

    static boolean isDouble(Problem problem) {
        return problem.spec().dataType() == DataType.F64;
    }

    static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    static double[] doubles(float[] values) {
        double[] doubles = new double[values.length];
        for (int i = 0; i < doubles.length; i++) {
            doubles[i] = values[i];
        }
        return doubles;
    }
}
