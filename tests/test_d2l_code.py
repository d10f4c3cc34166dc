"""Code written for d2l's optimisation chapter runs under `import descent as d2l`."""

import torch

import descent as d2l


def test_two_dimensional_traces():
    def f(x1, x2):
        return 0.1 * x1**2 + 2 * x2**2

    def f_grad(x1, x2):
        return 0.2 * x1, 4 * x2

    def gd(x1, x2, s1, s2, f_grad):
        g1, g2 = f_grad(x1, x2)
        return x1 - 0.4 * g1, x2 - 0.4 * g2, 0, 0

    def momentum(x1, x2, v1, v2):
        v1, v2 = 0.5 * v1 + 0.2 * x1, 0.5 * v2 + 4 * x2
        return x1 - 0.6 * v1, x2 - 0.6 * v2, v1, v2

    with_gradient = d2l.train_2d(gd, f_grad=f_grad)
    without = d2l.train_2d(momentum)
    assert len(with_gradient) == len(without) == 21
    assert with_gradient[0] == (-5, -2)
    d2l.show_trace_2d(f, with_gradient)
    d2l.show_trace_2d(f, without)


def test_training_and_plotting(capsys):
    def init_states(feature_dim):
        return torch.zeros((feature_dim, 1)), torch.zeros(1)

    def sgd_momentum(params, states, hyperparams):
        for p, v in zip(params, states):
            with torch.no_grad():
                v[:] = hyperparams["momentum"] * v + p.grad
                p[:] -= hyperparams["lr"] * v
            p.grad.data.zero_()

    def train(lr, momentum, num_epochs=2):
        d2l.train_ch11(
            sgd_momentum,
            init_states(feature_dim),
            {"lr": lr, "momentum": momentum},
            data_iter,
            feature_dim,
            num_epochs,
        )

    data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)
    train(0.02, 0.5)
    d2l.train_concise_ch11(torch.optim.SGD, {"lr": 0.005, "momentum": 0.9}, data_iter)
    assert capsys.readouterr().out.count("sec/epoch") == 2


def test_small_tools():
    timer = d2l.Timer()
    timer.start()
    timer.stop()
    timer.start()
    assert timer.stop() == timer.times[-1]
    assert len(timer.cumsum()) == 2 and timer.sum() == sum(timer.times)
    assert timer.avg() == timer.sum() / 2

    d2l.set_figsize((4.5, 2.5))
    x = torch.arange(0, 2, 0.1)
    d2l.plot(x, [x**2, torch.exp(-x)], "x", "f(x)", legend=["square", "exp"])
    d2l.plt.gca().set_title("a title")

    features = torch.randn(12, 3)
    data_iter = d2l.load_array((features, features.sum(1)), 4)
    assert len(list(data_iter)) == 3
    w, b = torch.ones(3, 1), torch.zeros(1)
    loss = d2l.evaluate_loss(lambda X: d2l.linreg(X, w, b), data_iter, d2l.squared_loss)
    assert abs(loss) < 1e-10
