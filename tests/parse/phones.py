"""The last lines of mails that phones write by themselves."""

PHONE_LINES = (
    "Sent from my iPhone",
    "Von meinem iPhone gesendet",
    "Envoyé de mon iPhone",
    "Enviado desde mi iPhone",
    "Enviado do meu iPhone",
    "Sent from my Galaxy",
)
