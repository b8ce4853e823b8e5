package dev.lnrnn.bench.peers;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession.SessionOptions;
import dev.lnrnn.bench.BadInputException;
import dev.lnrnn.bench.compare.Contestant;
import dev.lnrnn.bench.compare.Entrant;
import dev.lnrnn.bench.compare.Entrant.Kind;
import dev.lnrnn.bench.compare.Mode;
import dev.lnrnn.bench.compare.Peer;
import dev.lnrnn.bench.compare.Problem;
import dev.lnrnn.bench.compare.Results;
import dev.lnrnn.bench.compare.Size;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * ONNX Runtime: its operator LSTM, the layer-normalised LSTM as a Scan, and the matrix products alone. It trains
 * nothing from Java, but what training multiplies it can multiply.
 */
public final class OnnxRuntime implements Peer {

    /**
     * Of the thread that opens the environment: the runtime then reads the command line of the process with a recursion
     * that is as deep as the line is long, and a long class path is more than the usual stack of a thread can bear.
     */
    private static final long STACK_BYTES = 256 << 20;

    private OrtEnvironment environment;
    private int threads;

    @Override
    public void start(int threads) {
        this.threads = threads;
        FutureTask<OrtEnvironment> opening = new FutureTask<>(OrtEnvironment::getEnvironment);
        new Thread(null, opening, "onnxruntime", STACK_BYTES).start();
        try {
            environment = opening.get();
        } catch (ExecutionException | InterruptedException e) {
            throw new BadInputException("ONNX Runtime cannot be loaded from this jar: " + e.getMessage());
        }
    }

    @Override
    public Map<String, String> versions() {
        return Map.of("ONNX Runtime", environment.getVersion());
    }

    @Override
    public List<Entrant> entrants() {
        return List.of(
                new Entrant("ONNX Runtime LSTM", Kind.PLAIN, EnumSet.of(Mode.FORWARD),
                        (problem, mode) -> network(problem, OnnxModels.lstm(problem))),
                new Entrant("ONNX Runtime Scan", Kind.NORMALIZED, EnumSet.of(Mode.FORWARD),
                        (problem, mode) -> network(problem, OnnxModels.layerNormalised(problem))),
                new Entrant("products (ONNX Runtime)", Kind.PRODUCTS, EnumSet.allOf(Mode.class), this::products));
    }

    private Contestant network(Problem problem, byte[] model) {
        Size s = problem.size();
        OnnxSession session = session(model, threads)
                .input(OnnxModels.X, problem.x(), s.steps(), s.batch(), s.inputSize())
                .output(OnnxModels.Y);
        return new Running(session) {
            @Override
            public double error(Results lnrnn) {
                session.run();
                return new Results(Map.of(Results.Y, session.values(OnnxModels.Y))).error(lnrnn);
            }
        };
    }

    private Contestant products(Problem problem, Mode mode) {
        return new OnnxProducts(session(OnnxModels.products(problem, mode), threads), problem, mode);
    }

    @Override
    public Contestant product(int size, int threads) {
        float[] matrix = new float[size * size];
        for (int i = 0; i < matrix.length; i++) {
            matrix[i] = (float) Math.sin(i);
        }
        OnnxSession session = session(OnnxModels.squareProduct(matrix, size), threads)
                .input(OnnxModels.X, matrix, size, size).output(OnnxModels.Y);
        return new Running(session) {
            @Override
            public double error(Results lnrnn) {
                throw new UnsupportedOperationException("a product of no network");
            }
        };
    }

    private OnnxSession session(byte[] model, int threads) {
        try (SessionOptions options = new SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setInterOpNumThreads(1);
            options.setExecutionMode(SessionOptions.ExecutionMode.SEQUENTIAL);
            options.setOptimizationLevel(SessionOptions.OptLevel.ALL_OPT);
            return new OnnxSession(environment, environment.createSession(model, options));
        } catch (OrtException e) {
            throw new IllegalStateException("ONNX Runtime refuses a model: " + e.getMessage(), e);
        }
    }

    /** Runs a session. */
    private abstract static class Running implements Contestant {

        private final OnnxSession session;

        Running(OnnxSession session) {
            this.session = session;
        }

        @Override
        public void run() {
            session.run();
        }

        @Override
        public void close() {
            session.close();
        }
    }
}
