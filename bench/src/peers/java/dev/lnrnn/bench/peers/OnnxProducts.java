package dev.lnrnn.bench.peers;

import dev.lnrnn.bench.compare.Contestant;
import dev.lnrnn.bench.compare.Mode;
import dev.lnrnn.bench.compare.Problem;
import dev.lnrnn.bench.compare.Results;
import dev.lnrnn.bench.compare.Size;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/** The products of {@link OnnxModels#products}; what they are checked against is computed here, element by element. */
final class OnnxProducts implements Contestant {

    private static final long SEED = 2;
    /** As many elements of each product are checked. */
    private static final int SAMPLES = 64;

    private final OnnxSession session;
    private final Mode mode;
    private final Matrix x;
    private final Matrix h;
    private final Matrix d;
    private final Matrix w;
    private final Matrix r;

    OnnxProducts(OnnxSession session, Problem problem, Mode mode) {
        this.session = session;
        this.mode = mode;
        Size s = problem.size();
        int rows = Math.toIntExact(s.steps() * s.batch());
        int gates = Math.toIntExact(4 * s.hiddenSize());
        x = new Matrix(problem.x(), Math.toIntExact(s.inputSize()));
        h = new Matrix(problem.dy(), Math.toIntExact(s.hiddenSize()));
        w = new Matrix(problem.parameter("weight_ih_l0"), x.columns());
        r = new Matrix(problem.parameter("weight_hh_l0"), h.columns());
        session.input(OnnxModels.X, x.values(), s.steps(), s.batch(), s.inputSize())
                .input(OnnxModels.H, h.values(), s.steps(), s.batch(), s.hiddenSize())
                .output(OnnxModels.A).output(OnnxModels.R);
        if (mode == Mode.TRAIN) {
            d = new Matrix(random(rows * gates), gates);
            session.input(OnnxModels.D, d.values(), s.steps(), s.batch(), gates)
                    .output(OnnxModels.DH).output(OnnxModels.DX).output(OnnxModels.DW).output(OnnxModels.DR);
        } else {
            d = new Matrix(new float[0], gates);
        }
    }

    /** Row-major. */
    private record Matrix(float[] values, int columns) {

        float at(int row, int column) {
            return values[row * columns + column];
        }

        int rows() {
            return values.length / columns;
        }
    }

    /** One factor of an element: what the other factor's element is multiplied with, by its index in the sum. */
    @FunctionalInterface
    private interface Factor {

        float at(int row, int index);
    }

    @Override
    public void run() {
        session.run();
    }

    @Override
    public double error(Results lnrnn) {
        session.run();
        double error = Math.max(error(OnnxModels.A, w.rows(), x::at, w::at, x.columns()),
                error(OnnxModels.R, r.rows(), h::at, r::at, h.columns()));
        if (mode == Mode.TRAIN) {
            error = Math.max(error, error(OnnxModels.DH, h.columns(), d::at, columnsOf(r), d.columns()));
            error = Math.max(error, error(OnnxModels.DX, x.columns(), d::at, columnsOf(w), d.columns()));
            error = Math.max(error, error(OnnxModels.DW, x.columns(), columnsOf(d), columnsOf(x), d.rows()));
            error = Math.max(error, error(OnnxModels.DR, h.columns(), columnsOf(d), columnsOf(h), d.rows()));
        }
        return error;
    }

    private static Factor columnsOf(Matrix matrix) {
        return (column, row) -> matrix.at(row, column);
    }

    /** Element (i,j) of a product is the sum over k of left (i,k) right (j,k). */
    private double error(String output, int columns, Factor left, Factor right, int summands) {
        float[] product = session.values(output);
        RandomGenerator random = generator();
        double difference = 0;
        double largest = 0;
        for (int sample = 0; sample < SAMPLES; sample++) {
            int element = random.nextInt(product.length);
            double sum = 0;
            for (int k = 0; k < summands; k++) {
                sum += (double) left.at(element / columns, k) * right.at(element % columns, k);
            }
            difference = Math.max(difference, Math.abs(product[element] - sum));
            largest = Math.max(largest, Math.abs(sum));
        }
        return difference / largest;
    }

    private static float[] random(int elements) {
        RandomGenerator random = generator();
        float[] values = new float[elements];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat(-1, 1);
        }
        return values;
    }

    private static RandomGenerator generator() {
        return RandomGeneratorFactory.of("L64X128MixRandom").create(SEED);
    }

    @Override
    public void close() {
        session.close();
    }
}
