from __future__ import annotations

import pytest

from private_lines import redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git clone https://bob:ghp_abcdEFGH1234@github.com/x/y", "git clone https://<secret>@<host>/x/y"),
        ("origin https://oauth2:glpat-abc123DEF456xyz@git.corp.lab/x.git", "origin https://<secret>@<host>/x.git"),
        ("https://tok3n@host7/x", "https://<secret>@<host>/x"),
        ("http://user:p@ss@proxy.corp:3128", "http://<secret>@<host>:3128"),
        ("postgres://u:pa/ss@db7:5432/x", "postgres://<secret>@<host>:5432/x"),
        ("HTTPS_PROXY=http://bob:pw@10.0.0.1:80/", "HTTPS_PROXY=http://<secret>@<ip>:80/"),
        ("OPENAI_API_KEY=abc", "OPENAI_API_KEY=<secret>"),
        ("export HF_TOKEN='abc def'", "export HF_TOKEN='<secret>'"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPx", "AWS_SECRET_ACCESS_KEY=<secret>"),
        ("DB_PASSWORD=a,b;c&d x", "DB_PASSWORD=<secret> x"),
        ("MY_SECRET: hunter2", "MY_SECRET: <secret>"),
        ('{"api_key": "abc", "x": 1}', '{"api_key": "<secret>", "x": 1}'),
        ('{\\"api_key\\": \\"abc\\"}', '{\\"api_key\\": \\"<secret>\\"}'),
        ("{'WANDB_API_KEY': 'abc1'}", "{'WANDB_API_KEY': '<secret>'}"),
        ("apiKey: abc1", "apiKey: <secret>"),
        ("secretAccessKey=abc1", "secretAccessKey=<secret>"),
        ("password = hunter2", "password = <secret>"),
        ("--password hunter2 --x", "--password <secret> --x"),
        ("--hf-token=abc --x", "--hf-token=<secret> --x"),
        ("Authorization: Bearer abc.def", "Authorization: <secret>"),
        ("'Authorization': 'Basic dXNlcjpwYXNz'", "'Authorization': '<secret>'"),
        ("got Bearer a1b2c3d4", "got Bearer <secret>"),
        ("Set-Cookie: sid=abc; Path=/", "Set-Cookie: <secret>"),
        ("?access_token=abc&x=1", "?access_token=<secret>&x=1"),
        ("X-Auth-Token: abc", "X-Auth-Token: <secret>"),
        ("token=a1b2c3d4e5f6g7", "token=<secret>"),
        ("token: a1b2c3d4e5f6g7", "token: <secret>"),
        ("using ghp_16C7e42F292c6912E7 now", "using <secret> now"),
        ("hf_AbCdEfGhIjKl1", "<secret>"),
        ("key AKIAIOSFODNN7EXAMPLE", "key <secret>"),
        ("eyJhbGciOi.eyJzdWIiOi.SflKxw", "<secret>"),
        ("xoxb-1234567-abc", "<secret>"),
        ("sk-proj-abcDEF1234567890xy", "<secret>"),
        ("SHA256:aB3/aB3/aB3/aB3/aB3/aB3/aB3/aB3/aB3/aB3/abc", "SHA256:<secret>"),
        ('password="a b, c\\"d"; x', 'password="<secret>"; x'),
        ("my_key=a1b2c3d4e5f6g7", "my_key=<secret>"),
        ("PASSWORD='a'", "PASSWORD='<secret>'"),
        ("DB_PASS=x1", "DB_PASS=<secret>"),
        ("PGPASSWORD=x1", "PGPASSWORD=<secret>"),
        ("MYSQL_PWD=x1", "MYSQL_PWD=<secret>"),
        ("x-amz-security-token: FwoGZX12", "x-amz-security-token: <secret>"),
        ("curl -s -u max:hunter2 https://x", "curl -s -u <secret> https://x"),
        ("machine h login m password hunter2", "machine h login m password <secret>"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB max@laptop", "ssh-ed25519 <secret>"),
        ("AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_ACCESS_KEY_ID=<secret>"),
        ("https://hooks.slack.com/services/T0001/B0001/XXXXyyyy", "https://hooks.slack.com/services/<secret>"),
        ("x.blob.core?sv=2022&sig=abc%2Fdef1ghijklmnop%3D", "x.blob.core?sv=2022&sig=<secret>"),
        ("AccountName=x;AccountKey=abc==;", "AccountName=x;AccountKey=<secret>;"),
        ("Password for 'https://bob@git.lab':", "Password for 'https://<secret>@<host>':"),
    ],
)
def test_credentials_are_removed_wherever_they_stand(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GPU 0: NVIDIA H100 (UUID: GPU-5abc1234-12ab-34cd-56ef-1234567890ab)", "GPU 0: NVIDIA H100 (UUID: <serial>)"),
        ("CUDA_VISIBLE_DEVICES=GPU-5abc1234", "CUDA_VISIBLE_DEVICES=<serial>"),
        ("MIG-GPU-5abc1234-12ab-34cd-56ef-1234567890ab/1/0", "<serial>/1/0"),
        ("MIG-5abc1234-12ab-34cd-56ef-1234567890ab", "<serial>"),
        ("    Serial Number     : 1564720004631", "    Serial Number     : <serial>"),
        ('"gpu_serial": "0324918018374"', '"gpu_serial": "<serial>"'),
        ("uuid=5abc1234-12ab-34cd-56ef-1234567890ab, L2", "uuid=<serial>, L2"),
        ("gpu uuid 5abc1234-12ab-34cd-56ef-1234567890ab", "gpu uuid <serial>"),
        ("machine-id: 5abc123412ab34cd56ef1234567890ab", "machine-id: <serial>"),
    ],
)
def test_numbers_of_devices_are_removed(text: str, expected: str) -> None:
    assert redact(text) == expected
